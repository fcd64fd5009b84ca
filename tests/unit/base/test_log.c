#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lyceum/log.h"

typedef struct heard {
    int lines, complete;
    lyc_log_level level;
    char last[LYC_ERROR_MESSAGE_SIZE];
    size_t length;
} heard;

static void listen(void *payload, lyc_log_level level, const char *message) {
    heard *h = payload;
    h->lines++;
    h->level = level;
    h->length = strlen(message);
    memcpy(h->last, message, h->length + 1);
    h->complete += message[0] == '<' && message[h->length - 1] == '>';
}

static void test_lines_reach_the_sink_only(void **state) {
    (void)state;
    heard h = {0};
    lyc_log(LYC_LOG_ERROR, "nobody is listening to %d", 1);
    lyc_log_set_sink(listen, &h);
    lyc_log(LYC_LOG_WARNING, "split %s has %d rows", "reward", 12);
    assert_int_equal(h.lines, 1);
    assert_int_equal(h.level, LYC_LOG_WARNING);
    assert_string_equal(h.last, "split reward has 12 rows");
    lyc_log_set_sink(NULL, NULL);
    lyc_log(LYC_LOG_ERROR, "gone");
    assert_int_equal(h.lines, 1);
}

static void test_long_lines_are_cut_with_a_mark(void **state) {
    (void)state;
    heard h = {0};
    char text[2 * LYC_ERROR_MESSAGE_SIZE];
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    lyc_log_set_sink(listen, &h);
    lyc_log(LYC_LOG_INFO, "%s", text);
    lyc_log_set_sink(NULL, NULL);
    assert_int_equal(h.length, LYC_ERROR_MESSAGE_SIZE - 1);
    assert_string_equal(h.last + h.length - 4, "y...");
}

enum { TALKERS = 4, LINES = 500 };

static void *talk(void *argument) {
    (void)argument;
    for (int i = 0; i < LINES; i++) lyc_log(LYC_LOG_DEBUG, "<line %d>", i);
    return NULL;
}

static void test_threads_do_not_mix_lines(void **state) {
    (void)state;
    heard h = {0};
    lyc_log_set_sink(listen, &h);
    pthread_t talkers[TALKERS];
    for (int i = 0; i < TALKERS; i++) assert_int_equal(pthread_create(&talkers[i], NULL, talk, NULL), 0);
    for (int i = 0; i < TALKERS; i++) pthread_join(talkers[i], NULL);
    lyc_log_set_sink(NULL, NULL);
    assert_int_equal(h.lines, TALKERS * LINES);
    assert_int_equal(h.complete, TALKERS * LINES);
}

typedef struct shown {
    int views, finished;
    lyc_progress_view last;
    lyc_progress progress;
} shown;

static void render(void *payload, const lyc_progress_view *view) {
    shown *s = payload;
    s->views++;
    s->finished += view->finished;
    s->last = *view;
    s->progress = *view->progress;
}

static void pause_for(double seconds) {
    double until = lyc_seconds() + seconds;
    while (lyc_seconds() < until) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void test_progress_is_shown_seldom_and_at_the_end(void **state) {
    (void)state;
    shown s = {0};
    lyc_progress_set_renderer(render, &s);
    lyc_progress progress;
    double began = lyc_seconds();
    lyc_progress_start(&progress, "distil", "steps", UINT64_C(1) << 50);
    uint64_t steps = 0;
    while (lyc_seconds() < began + 0.35) lyc_progress_update(&progress, ++steps);
    double elapsed = lyc_seconds() - began;
    assert_true(steps > 100);
    assert_true(s.views >= 1 && s.views <= (int)(elapsed / 0.1));
    assert_int_equal(s.finished, 0);
    assert_true(s.last.rate > 0 && s.last.seconds_left > 0);
    int before = s.views;
    lyc_progress_finish(&progress);
    lyc_progress_set_renderer(NULL, NULL);
    assert_int_equal(s.views, before + 1);
    assert_int_equal(s.finished, 1);
    assert_int_equal(s.progress.done, steps);
    assert_string_equal(s.progress.what, "distil");
    assert_string_equal(s.progress.unit, "steps");
}

static void test_rate_and_time_left(void **state) {
    (void)state;
    shown s = {0};
    lyc_progress_set_renderer(render, &s);
    lyc_progress progress;
    lyc_progress_start(&progress, "resumed", "steps", 1000);
    progress.skipped = 600;
    pause_for(0.12);
    lyc_progress_update(&progress, 600);
    assert_int_equal(s.views, 1);
    assert_true(s.last.rate == 0);
    assert_true(s.last.seconds_left < 0); /* nothing known yet */
    pause_for(0.12);
    lyc_progress_update(&progress, 700);
    assert_int_equal(s.views, 2);
    double rate = 100 / s.last.elapsed;
    assert_true(s.last.rate > 0.999 * rate && s.last.rate < 1.001 * rate);
    assert_true(s.last.seconds_left > 0.999 * 300 / rate && s.last.seconds_left < 1.001 * 300 / rate);
    progress.done = 1000;
    lyc_progress_finish(&progress);
    assert_true(s.last.seconds_left == 0);
    lyc_progress_set_renderer(NULL, NULL);
}

static void test_nobody_has_to_watch(void **state) {
    (void)state;
    lyc_progress progress;
    lyc_progress_start(&progress, "alone", "steps", 1);
    lyc_progress_finish(&progress);
    assert_int_equal(progress.total, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_reach_the_sink_only),
        cmocka_unit_test(test_long_lines_are_cut_with_a_mark),
        cmocka_unit_test(test_threads_do_not_mix_lines),
        cmocka_unit_test(test_progress_is_shown_seldom_and_at_the_end),
        cmocka_unit_test(test_rate_and_time_left),
        cmocka_unit_test(test_nobody_has_to_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
