/* Log lines and progress bars. The library itself prints nothing: it calls the sink that the
 * application installed (none by default). Thread-safe: sinks and renderers are called by one thread at
 * a time, and must not log or report progress themselves. A progress object belongs to one thread. */
#ifndef LYCEUM_LOG_H
#define LYCEUM_LOG_H

#include <stdint.h>

#include "lyceum/error.h"

LYC_BEGIN_DECLS

typedef enum lyc_log_level { LYC_LOG_ERROR, LYC_LOG_WARNING, LYC_LOG_INFO, LYC_LOG_DEBUG } lyc_log_level;
typedef void (*lyc_log_sink)(void *payload, lyc_log_level level, const char *message);

LYC_API void lyc_log_set_sink(lyc_log_sink sink, void *payload);
LYC_API void lyc_log(lyc_log_level level, const char *format, ...) LYC_PRINTF(2, 3);

/* Progress of one long job. `lyc_progress_update` is cheap: the renderer is called at most 10 times a
 * second (and at the end) with rate and seconds left. The application installs the renderer: a bar on
 * a terminal, a plain line every few seconds elsewhere, nothing with --quiet. */
typedef struct lyc_progress {
    const char *what; /* "distil epoch 3/10" */
    const char *unit; /* "steps" */
    uint64_t total, done;
    uint64_t skipped;           /* done before the start: set it after lyc_progress_start when resuming */
    double started, last_shown; /* seconds, monotonic */
    char detail[128];           /* shown at the end of the line: "loss 0.412" */
} lyc_progress;
typedef struct lyc_progress_view {
    const lyc_progress *progress;
    double rate;         /* units a second since the start, without the skipped ones */
    double seconds_left; /* negative when not known yet */
    double elapsed;      /* seconds */
    int finished;
} lyc_progress_view;
typedef void (*lyc_progress_renderer)(void *payload, const lyc_progress_view *view);

LYC_API void lyc_progress_set_renderer(lyc_progress_renderer renderer, void *payload);
LYC_API void lyc_progress_start(lyc_progress *progress, const char *what, const char *unit, uint64_t total);
LYC_API void lyc_progress_update(lyc_progress *progress, uint64_t done);
LYC_API void lyc_progress_finish(lyc_progress *progress);

/* Monotonic seconds. */
LYC_API double lyc_seconds(void);

LYC_END_DECLS

#endif
