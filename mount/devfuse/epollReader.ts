/**
 * Reads /dev/fuse on the main thread, by epoll.
 *
 * Node offers epoll for sockets and pipes. libuv's pipe takes any descriptor that epoll takes, and
 * the class of pipes can be had from a server that listens on one. Neither is documented: so it is
 * tried before it is used, and `poolReader.ts` does without.
 */
import { createServer, Socket, type SocketConstructorOpts } from 'node:net';
import process from 'node:process';
import { ReadAhead } from './readAhead.ts';
import { type DeviceReader, isEnd, type RequestSink } from './reader.ts';

/** libuv's uv_pipe_t. */
interface Pipe {
  /** 0, or a negative errno. */
  open(fd: number): number;
}

type PipeClass = new (type: number) => Pipe;

/** PipeConstants.SOCKET. */
const SOCKET = 0;

/** A reader, or undefined where Node does not let us. */
export function epollReader(): DeviceReader | undefined {
  const Pipe = pipeClass();
  return Pipe && ((fd, sink) => readByPipe(new Pipe(SOCKET), fd, sink));
}

function pipeClass(): PipeClass | undefined {
  const server = createServer().listen({ path: `\0klpfs-${process.pid}-${performance.now()}` });
  server.on('error', () => {});
  const handle: unknown = Reflect.get(server, '_handle');
  server.close();
  const Pipe: unknown = handle instanceof Object ? handle.constructor : undefined;
  return isPipeClass(Pipe) ? Pipe : undefined;
}

function isPipeClass(value: unknown): value is PipeClass {
  return (
    typeof value === 'function' &&
    value.name === 'Pipe' &&
    typeof value.prototype.open === 'function'
  );
}

function readByPipe(pipe: Pipe, fd: number, sink: RequestSink): Promise<void> {
  const status = pipe.open(fd);
  if (status !== 0) throw new Error(`klpfs bug: libuv refuses /dev/fuse: ${status}`);
  return new Promise((resolve, reject) => {
    const readAhead = new ReadAhead(fd, sink);
    const callback = () => {
      sink.serve();
      readAhead.serveMore();
      return true;
    };
    const onread = { buffer: sink.buffer, callback };
    const socket = new DeviceSocket({ handle: pipe, onread } as SocketConstructorOpts, sink);
    socket.on('error', (error) => {
      if (isEnd(error)) resolve();
      else reject(error);
    });
    socket.on('close', resolve);
    sink.letGo.addEventListener('abort', () => socket.destroy());
  });
}

class DeviceSocket extends Socket {
  readonly #sink: RequestSink;

  constructor(options: SocketConstructorOpts, sink: RequestSink) {
    super(options);
    this.#sink = sink;
  }

  /** libuv closes the descriptor, whose number may then be another file's. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#sink.close();
    super._destroy(error, callback);
  }
}
