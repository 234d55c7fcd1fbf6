/**
 * Functions of the default machine's vmlinux, beyond those with a body in src/engine/vmlinux.ts.
 *
 * Names of a 4.15 kernel for x86-64, with some of later ones where a function got another name. As
 * there, names that several files use for a static function of theirs exist several times.
 */
import { isIn, type Release, since } from '../abi/release.ts';
import type { SymbolDescription } from './description.ts';

const ENTRY = `
  do_syscall_64 do_int80_syscall_32 syscall_return_slowpath prepare_exit_to_usermode
  exit_to_usermode_loop do_IRQ smp_apic_timer_interrupt smp_reschedule_interrupt do_page_fault
  do_general_protection do_nmi start_thread
`;

const SCHED = `
  schedule schedule_timeout schedule_timeout_interruptible schedule_timeout_uninterruptible
  schedule_hrtimeout_range schedule_hrtimeout_range_clock schedule_idle schedule_user io_schedule
  io_schedule_timeout yield yield_to wake_up_process wake_up_new_task wake_up_state try_to_wake_up
  default_wake_function autoremove_wake_function prepare_to_wait finish_wait wait_woken
  wait_for_completion wait_for_completion_timeout complete complete_all do_idle cpu_startup_entry
  call_cpuidle cpuidle_enter scheduler_tick update_rq_clock pick_next_task_fair enqueue_task_fair
  dequeue_task_fair task_tick_fair load_balance rebalance_domains migration_cpu_stop
  cpu_stopper_thread sched_setaffinity sched_getaffinity set_user_nice mutex_lock mutex_unlock
  mutex_lock_interruptible mutex_lock_killable mutex_trylock down_read down_write up_read up_write
  down_interruptible up do_nanosleep hrtimer_nanosleep usleep_range msleep msleep_interruptible
  hrtimer_start_range_ns hrtimer_cancel mod_timer add_timer del_timer_sync run_timer_softirq
  process_timeout tick_sched_timer update_process_times
`;

const TASKS = `
  _do_fork copy_process kernel_thread do_exit do_group_exit do_wait wait_consider_task release_task
  do_execveat_common load_elf_binary exec_binprm begin_new_exec send_signal do_send_sig_info
  group_send_sig_info get_signal do_signal signal_wake_up_state do_sigtimedwait kthread kthreadd
  kthread_create_on_node kthread_stop kthread_should_stop kthread_worker_fn smpboot_thread_fn
  worker_thread process_one_work rescuer_thread queue_work_on queue_delayed_work_on flush_work
  flush_workqueue cancel_work_sync cancel_delayed_work_sync rcu_gp_kthread rcu_tasks_kthread
  rcu_process_callbacks synchronize_rcu synchronize_sched call_rcu run_ksoftirqd __do_softirq
  tasklet_action cpuhp_thread_fun watchdog watchdog_timer_fn do_futex futex_wait futex_wait_queue_me
  futex_wake futex_requeue do_prlimit proc_pid_status proc_pid_stack proc_pid_wchan
  proc_tgid_stat proc_pid_patch_state
`;

const FILES = `
  vfs_read vfs_write vfs_open vfs_fsync vfs_fsync_range vfs_getattr vfs_statx vfs_unlink vfs_rename
  vfs_mkdir vfs_rmdir vfs_symlink vfs_link vfs_create vfs_ioctl vfs_llseek vfs_readv vfs_writev
  __vfs_read __vfs_write ksys_read ksys_write do_sys_open do_filp_open path_openat
  link_path_walk walk_component lookup_fast lookup_slow path_lookupat filename_lookup user_path_at_empty
  do_dentry_open filp_close fput __fput dput iput d_lookup d_alloc d_instantiate inode_permission
  generic_permission do_truncate do_fallocate do_readv_writev do_iter_read do_iter_write do_sendfile
  generic_file_read_iter generic_file_write_iter generic_perform_write do_vfs_ioctl do_fcntl
  pipe_read pipe_write pipe_wait pipe_poll fifo_open do_select core_sys_select do_sys_poll
  poll_schedule_timeout do_epoll_wait do_epoll_ctl ep_poll ep_send_events ep_poll_callback
  eventfd_read signalfd_read timerfd_read inotify_read inotify_poll seq_read seq_open seq_release
  seq_printf seq_puts seq_write single_open proc_reg_read proc_reg_open seq_read_iter
  proc_reg_read_iter SyS_read kernfs_fop_read
  kernfs_fop_write kernfs_fop_open sysfs_kf_seq_show sysfs_kf_write tty_read tty_write n_tty_read
  n_tty_write do_mount do_umount sync_filesystem iterate_dir filldir64 wb_workfn
  writeback_sb_inodes ext4_file_read_iter ext4_file_write_iter ext4_readdir ext4_lookup
  ext4_create ext4_unlink ext4_sync_file ext4_writepages jbd2_journal_commit_transaction
  jbd2_journal_start jbd2_journal_stop kjournald2 loadavg_proc_show devtmpfsd kauditd_thread
`;

const MEMORY = `
  handle_mm_fault do_anonymous_page do_wp_page do_fault filemap_fault filemap_map_pages
  find_get_entry pagecache_get_page add_to_page_cache_lru do_mmap do_munmap mmap_region unmap_region
  do_brk_flags vm_mmap_pgoff mprotect_fixup copy_page_range exit_mmap free_pgtables
  get_page_from_freelist free_unref_page kmem_cache_alloc kmem_cache_free kmalloc_order kfree vmalloc
  vfree kswapd balance_pgdat shrink_node shrink_slab shrink_inactive_list kcompactd ksm_scan_thread
  khugepaged oom_reaper out_of_memory oom_kill_process vmstat_update vmstat_shepherd
  refresh_cpu_vm_stats
`;

const BLOCK = `
  submit_bio generic_make_request blk_mq_make_request blk_mq_run_work_fn blk_mq_dispatch_rq_list
  blk_account_io_start blk_account_io_done blk_mq_end_request bio_endio scsi_queue_rq scsi_done
  scsi_error_handler ata_scsi_queuecmd md_thread
`;

const NETWORK = `
  sock_recvmsg sock_sendmsg sock_read_iter sock_write_iter sock_poll inet_accept inet_csk_accept
  inet_recvmsg inet_sendmsg inet_stream_connect tcp_recvmsg tcp_sendmsg tcp_poll tcp_v4_rcv
  tcp_v4_do_rcv tcp_rcv_established tcp_ack tcp_write_xmit tcp_transmit_skb tcp_close
  tcp_v4_connect udp_recvmsg udp_sendmsg udp_rcv ip_rcv ip_local_deliver ip_output ip_queue_xmit
  ip_forward icmp_rcv arp_rcv dev_queue_xmit dev_hard_start_xmit netif_receive_skb napi_gro_receive
  net_rx_action net_tx_action process_backlog nf_hook_slow unix_stream_recvmsg unix_stream_sendmsg
  unix_stream_read_generic netlink_sendmsg netlink_recvmsg rtnetlink_rcv_msg sk_wait_data
  skb_copy_datagram_iter __skb_wait_for_more_packets cleanup_net
`;

const KERNEL = `
  __handle_irq_event_percpu do_init_module load_module delete_module request_module printk vprintk_emit devkmsg_read
  do_syslog kallsyms_lookup_name sprint_symbol register_kprobe register_ftrace_function
  ftrace_set_filter_ip security_file_open security_file_permission selinux_file_permission
  apparmor_file_permission audit_log_start audit_log_end capable ns_capable copy_user_generic_string
  strlcpy kobject_add kobject_put kobject_uevent_env device_add device_del
  driver_register bus_probe_device pci_device_probe acpi_ps_parse_aml get_random_bytes
  extract_entropy crypto_alloc_shash crypto_create_tfm cgroup_attach_task cgroup_file_write
  mem_cgroup_charge perf_event_task_tick do_timer update_wall_time ktime_get
  do_clock_gettime do_adjtimex
`;

/** Static functions, each entry one more file that has a function of that name. */
const REPEATED = `
  s_start s_start s_start s_next s_next s_next s_stop s_stop s_show s_show c_start c_start c_next
  c_next c_stop c_stop c_show t_start t_start t_next t_next t_stop t_stop m_start m_next m_stop
  name_show name_show name_show type_show type_show size_show size_show state_show state_show
  dev_show enabled_show enabled_show enabled_store enabled_store
`;

/** Their entries are no call sites: assembly, and code that is marked notrace. */
const UNTRACEABLE = `
  entry_SYSCALL_64_after_hwframe ret_from_fork __schedule preempt_schedule trace_hardirqs_on
  sched_clock_cpu
`;

/** Code of the kernel's entry that tracers are kept away from. Source: noinstr in arch/x86/entry/. */
export const NOINSTR = [{ name: 'do_syscall_64', releases: since('5.8') }];

export function isNoinstr(name: string, release: Release): boolean {
  return NOINSTR.some((row) => row.name === name && isIn(release, row.releases));
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

export const VMLINUX_SYMBOLS: readonly SymbolDescription[] = [
  ...words(UNTRACEABLE).map((name) => ({ name, traceable: false })),
  ...[ENTRY, SCHED, TASKS, FILES, MEMORY, BLOCK, NETWORK, KERNEL, REPEATED].flatMap(words),
];
