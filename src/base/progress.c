#include <pthread.h>

#include "lyceum/log.h"

static const double shortest_interval = 0.1; /* seconds between two views of one job */

static struct {
    pthread_mutex_t lock; /* held while the renderer runs */
    lyc_progress_renderer renderer;
    void *payload;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

void lyc_progress_set_renderer(lyc_progress_renderer renderer, void *payload) {
    pthread_mutex_lock(&state.lock);
    state.renderer = renderer;
    state.payload = payload;
    pthread_mutex_unlock(&state.lock);
}

static void show(lyc_progress *progress, double now, int finished) {
    lyc_progress_view view = {.progress = progress, .finished = finished};
    view.elapsed = now - progress->started;
    double since_start =
        progress->done > progress->skipped ? (double)(progress->done - progress->skipped) : 0;
    view.rate = view.elapsed > 0 ? since_start / view.elapsed : 0;
    double left = progress->total > progress->done ? (double)(progress->total - progress->done) : 0;
    if (left > 0) view.seconds_left = view.rate > 0 ? left / view.rate : -1;
    progress->last_shown = now;
    pthread_mutex_lock(&state.lock);
    if (state.renderer != NULL) state.renderer(state.payload, &view);
    pthread_mutex_unlock(&state.lock);
}

void lyc_progress_start(lyc_progress *progress, const char *what, const char *unit, uint64_t total) {
    double now = lyc_seconds();
    *progress = (lyc_progress){.what = what, .unit = unit, .total = total, .started = now, .last_shown = now};
}

void lyc_progress_update(lyc_progress *progress, uint64_t done) {
    progress->done = done;
    double now = lyc_seconds();
    if (now - progress->last_shown >= shortest_interval) show(progress, now, 0);
}

void lyc_progress_finish(lyc_progress *progress) {
    show(progress, lyc_seconds(), 1);
}
