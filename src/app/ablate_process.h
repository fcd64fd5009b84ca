/* One child process: this program with other arguments. */
#ifndef LYCEUM_APP_ABLATE_PROCESS_H
#define LYCEUM_APP_ABLATE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lyceum/error.h"

/* Starts this program with argv (ends with NULL; argv[0] is for show). stdin and stdout are /dev/null; stderr
 * goes to the file `log`, replaced, or where it goes now when `log` is NULL. The child is in a process group
 * of its own, so that Ctrl-C reaches it through the caller alone, and is killed when the calling thread ends.
 * Call it while the process has no other threads. */
LYC_MUST_USE lyc_status lyc__process_start(pid_t *out, const char *const *argv, const char *log,
                                           lyc_error *err);

/* How a child ended. */
typedef struct lyc__ending {
    bool ended; /* false: it still runs */
    int code;   /* exit code; -1 when a signal ended it */
    int signal; /* else 0 */
} lyc__ending;
LYC_MUST_USE lyc_status lyc__process_poll(pid_t process, lyc__ending *out, lyc_error *err);

#endif
