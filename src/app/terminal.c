/* What the program shows while it works, on stderr: log lines, progress bars, colours. */
#include <langinfo.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/command.h"
#include "app/format.h"
#include "base/utf8.h"
#include "lyceum/log.h"

#define BAR_CELLS      24
#define PLAIN_INTERVAL 5.0 /* seconds between two lines where there is no terminal */
#define WORTH_A_LINE   1.0 /* seconds; what took less and says nothing leaves no line behind */

static const lyc__colours coloured = {"\033[1m",  "\033[2m",  "\033[31m", "\033[32m",
                                      "\033[33m", "\033[36m", "\033[0m"};
static const lyc__colours plain = {"", "", "", "", "", "", ""};

static struct {
    pthread_mutex_t lock; /* log lines and progress come from several threads */
    bool quiet, is_terminal, utf8;
    const lyc__colours *colours; /* of stderr */
    bool bar_shown;              /* the cursor stands behind a bar */
    double last_line;            /* when the last plain line was written */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .colours = &plain};

static bool is_terminal(int descriptor) {
    const char *term = getenv("TERM");
    return isatty(descriptor) && term && strcmp(term, "dumb") != 0;
}

static const lyc__colours *colours_of(int descriptor) {
    const char *never = getenv("NO_COLOR"); /* no-color.org: set and not empty */
    return is_terminal(descriptor) && !(never && never[0]) ? &coloured : &plain;
}

static int columns_of(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

const lyc__colours *lyc__stdout_colours(void) {
    return colours_of(STDOUT_FILENO);
}

const lyc__colours *lyc__stderr_colours(void) {
    return colours_of(STDERR_FILENO);
}

int lyc__stdout_columns(void) {
    return columns_of(STDOUT_FILENO);
}

bool lyc__terminal_utf8(void) {
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (locale == (locale_t)0) return false;
    bool utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return utf8;
}

/* ---- log lines ---------------------------------------------------------------------------------- */

static void clear_bar(void) {
    if (state.bar_shown) fputs("\r\033[K", stderr);
    state.bar_shown = false;
}

static void show_log(void *payload, lyc_log_level level, const char *message) {
    (void)payload;
    const lyc__colours *c = state.colours;
    const struct {
        const char *label, *colour;
        bool even_quiet, shown;
    } kinds[] = {[LYC_LOG_ERROR] = {"error: ", c->red, true, true},
                 [LYC_LOG_WARNING] = {"warning: ", c->yellow, true, true},
                 [LYC_LOG_INFO] = {"", "", false, true},
                 [LYC_LOG_DEBUG] = {"", "", false, false}};
    if (!kinds[level].shown || (state.quiet && !kinds[level].even_quiet)) return;
    pthread_mutex_lock(&state.lock);
    clear_bar();
    fprintf(stderr, "%s%s%s%s\n", kinds[level].colour, kinds[level].label,
            kinds[level].label[0] ? c->reset : "", message);
    fflush(stderr);
    pthread_mutex_unlock(&state.lock);
}

/* ---- progress ----------------------------------------------------------------------------------- */

/* Cuts a text behind `columns` characters. */
static void cut(char *text, size_t columns) {
    size_t left = strlen(text);
    for (char *p = text; left > 0; columns--) {
        if (columns == 0) {
            *p = '\0';
            return;
        }
        size_t length = lyc__utf8_length(p, left);
        if (length == 0) length = 1;
        p += length;
        left -= length;
    }
}

/* "120/265 steps  512 steps/s  0:12 left  loss 0.41" */
static void describe(const lyc_progress_view *view, char *out, size_t size) {
    const lyc_progress *p = view->progress;
    char done[LYC__SHORT], total[LYC__SHORT], rate[LYC__SHORT], time[LYC__SHORT];
    lyc__format_count(p->done, done);
    lyc__format_count(p->total, total);
    lyc__format_rate(view->rate, rate);
    size_t used = 0;
    if (view->finished) {
        lyc__format_duration(view->elapsed, time);
        used = (size_t)snprintf(out, size, "%s %s in %s", done, p->unit, time);
    } else if (p->total > 0) {
        used = (size_t)snprintf(out, size, "%s/%s %s", done, total, p->unit);
    } else {
        used = (size_t)snprintf(out, size, "%s %s", done, p->unit);
    }
    if (view->rate > 0 && used < size)
        used += (size_t)snprintf(out + used, size - used, "  %s %s/s", rate, p->unit);
    if (!view->finished && p->total > 0 && view->seconds_left >= 0 && used < size) {
        lyc__format_duration(view->seconds_left, time);
        used += (size_t)snprintf(out + used, size - used, "  %s left", time);
    }
    if (p->detail[0] && used < size) snprintf(out + used, size - used, "  %s", p->detail);
}

static void draw_bar(const lyc_progress_view *view, const char *text) {
    const lyc_progress *p = view->progress;
    char what[96], rest[400];
    snprintf(what, sizeof what, "%.80s", p->what);
    snprintf(rest, sizeof rest, "%s", text);
    size_t columns = (size_t)columns_of(STDERR_FILENO);
    size_t taken = lyc__utf8_count(what) + 2 + BAR_CELLS + 2;
    fputs("\r\033[K", stderr);
    if (p->total > 0 && columns > taken) {
        size_t filled =
            p->done >= p->total ? BAR_CELLS : (size_t)((double)p->done / (double)p->total * BAR_CELLS);
        fprintf(stderr, "%s  %s", what, state.colours->cyan);
        for (size_t i = 0; i < filled; i++) fputs(state.utf8 ? "\xe2\x94\x81" : "=", stderr);
        fprintf(stderr, "%s%s", state.colours->reset, state.colours->dim);
        for (size_t i = filled; i < BAR_CELLS; i++) fputs(state.utf8 ? "\xe2\x94\x80" : "-", stderr);
        fprintf(stderr, "%s  ", state.colours->reset);
        cut(rest, columns - taken - 1); /* a full last column would wrap */
        fputs(rest, stderr);
    } else {
        char line[500];
        snprintf(line, sizeof line, "%s  %s", what, rest);
        cut(line, columns > 1 ? columns - 1 : 1);
        fputs(line, stderr);
    }
    state.bar_shown = true;
}

static void show_progress(void *payload, const lyc_progress_view *view) {
    (void)payload;
    char text[400];
    describe(view, text, sizeof text);
    bool keeps_line = view->finished && (view->elapsed >= WORTH_A_LINE || view->progress->detail[0]);
    pthread_mutex_lock(&state.lock);
    double now = lyc_seconds();
    if (state.is_terminal && !view->finished) {
        draw_bar(view, text);
    } else if (keeps_line || (!view->finished && now - state.last_line >= PLAIN_INTERVAL)) {
        clear_bar();
        fprintf(stderr, "%s  %s\n", view->progress->what, text);
        state.last_line = now;
    } else if (view->finished) {
        clear_bar();
    }
    fflush(stderr);
    pthread_mutex_unlock(&state.lock);
}

void lyc__terminal_start(bool quiet) {
    state.quiet = quiet;
    state.is_terminal = is_terminal(STDERR_FILENO);
    state.colours = colours_of(STDERR_FILENO);
    state.utf8 = lyc__terminal_utf8();
    state.last_line = lyc_seconds();
    lyc_log_set_sink(show_log, NULL);
    lyc_progress_set_renderer(quiet ? NULL : show_progress, NULL);
}

void lyc__terminal_stop(void) {
    pthread_mutex_lock(&state.lock);
    clear_bar(); /* a job that failed leaves its bar half drawn */
    fflush(stderr);
    pthread_mutex_unlock(&state.lock);
}
