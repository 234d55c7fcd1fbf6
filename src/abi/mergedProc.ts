/** Where a machine shows the /proc that has the host's around it, and what is where in it. */

/** In a mount. */
export const MERGED_PROC = '/run/proc';
/** The host's procfs in it: mounted there by whoever binds it over /proc. */
export const HOST_MOUNT = '.host';
export const MERGED_HOST = `${MERGED_PROC}/${HOST_MOUNT}`;
/** The same for those who see it at /proc. */
export const BEHIND_MERGED = `/proc/${HOST_MOUNT}`;
