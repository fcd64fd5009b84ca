#include "lyceum/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct {
    pthread_mutex_t lock; /* held while the sink runs: lines do not mix, a replaced sink is not called */
    lyc_log_sink sink;
    void *payload;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

void lyc_log_set_sink(lyc_log_sink sink, void *payload) {
    pthread_mutex_lock(&state.lock);
    state.sink = sink;
    state.payload = payload;
    pthread_mutex_unlock(&state.lock);
}

void lyc_log(lyc_log_level level, const char *format, ...) {
    pthread_mutex_lock(&state.lock);
    if (state.sink != NULL) {
        char message[LYC_ERROR_MESSAGE_SIZE];
        va_list arguments;
        va_start(arguments, format);
        int wanted = vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        if (wanted >= (int)sizeof message) memcpy(message + sizeof message - 4, "...", 4);
        if (wanted >= 0) state.sink(state.payload, level, message);
    }
    pthread_mutex_unlock(&state.lock);
}
