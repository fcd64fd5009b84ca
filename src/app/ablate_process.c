#include "app/ablate_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_START 127 /* as a shell has it */

/* Between fork and exec only what is safe in a signal handler. posix_spawn would do, but cannot tie the
 * child's life to ours: a run that goes on without its ablation would hold the run directory against the next
 * one. */
static void become(const char *const *argv, int null, int log, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(CANNOT_START); /* it ended before prctl */
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0) _exit(CANNOT_START);
    if (log >= 0 && dup2(log, STDERR_FILENO) < 0) _exit(CANNOT_START);
    execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(CANNOT_START);
}

lyc_status lyc__process_start(pid_t *out, const char *const *argv, const char *log, lyc_error *err) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) LYC_FAIL(err, LYC_EIO, "/dev/null: %s", strerror(errno));
    int file = log ? open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (log && file < 0) {
        lyc_status status = LYC_ERROR(err, LYC_EIO, "%s: %s", log, strerror(errno));
        close(null);
        return status;
    }
    pid_t parent = getpid();
    *out = fork();
    int reason = errno;
    if (*out == 0) become(argv, null, file, parent);
    if (file >= 0) close(file);
    close(null);
    if (*out < 0) LYC_FAIL(err, LYC_EENVIRONMENT, "cannot start a process: %s", strerror(reason));
    return LYC_OK;
}

lyc_status lyc__process_poll(pid_t process, lyc__ending *out, lyc_error *err) {
    int status = 0;
    *out = (lyc__ending){0};
    pid_t ended = waitpid(process, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) return LYC_OK;
    if (ended < 0)
        LYC_FAIL(err, LYC_EINTERNAL, "waiting for process %ld: %s", (long)process, strerror(errno));
    out->ended = true;
    out->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    out->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return LYC_OK;
}
