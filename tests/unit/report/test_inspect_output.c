/* The three forms in which inspect shows a run: text, JSON, CSV. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "lyceum/inspect.h"
#include "run_story.h"

static char *text_of(const lyc_inspect_style *style) {
    lyc_inspection *run;
    lyc_error err = {0};
    char *text;
    if (lyc_inspect_open(&run, scratch_directory, 0, &err) != LYC_OK) fail_msg("%s", err.message);
    assert_int_equal(lyc_inspect_text(run, style, &text, &err), LYC_OK);
    lyc_inspect_close(run);
    return text;
}

static void contains(const char *text, const char *wanted) {
    if (strstr(text, wanted) == NULL) fail_msg("no '%s' in:\n%s", wanted, text);
}

/* ---- text ------------------------------------------------------------------------------------------- */

static void says_everything(void **state) {
    (void)state;
    static const char *const wanted[] = {
        "fashion: strategy learned, 400 of 1,600 steps (25 %), 2 epochs complete, stopped (--resume goes on "
        "with it)",
        "cnn-a             90.62 %  90.62 %      +2.000 \u00b1 1.000       2\n",
        "scrambled          6.25 %   6.25 %      -0.250 \u00b1 1.109       4\n",
        "mlp, small        87.50 %  87.50 %                   -       0\n",
        "scrambled           28 %  ",
        "0.730\n",
        "shirt a very~\n",
        "sp\u00e9cialist         0.062   0.500\n",
        "4.0000 \u2192 1.0000",
        "81.25 % \u2192 87.50 %",
        "best 87.50 % after epoch 2",
        "one point of a curve: 10 batches",
        "test            accuracy 87.50 %, NLL 0.3750, ECE 0.0312, macro F1 0.8125 on 10,000 rows, looked at "
        "1 time\n",
        "scrambled: dropped after step 100, 1 % of the weight in the last quarter\n",
    };
    story_write();
    char *text = text_of(&(lyc_inspect_style){.utf8 = true, .columns = 100});
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) contains(text, wanted[i]);
    assert_null(strchr(text, '\033'));
    lyc_free(text);
}

/* The dropped teacher's curve: full, then low, in block characters or without them. */
static void curves_are_drawn(void **state) {
    (void)state;
    story_write();
    char *text = text_of(&(lyc_inspect_style){.utf8 = true, .columns = 80});
    contains(text, "\u2588\u2588\u2588\u2586\u2581\u2581\u2581\u2581\u2581\u2581\u2581\u2581\u2581\u2581 ");
    lyc_free(text);
    text = text_of(&(lyc_inspect_style){.utf8 = false, .columns = 80});
    contains(text, "###+__________ ");
    contains(text, "+2.000 +- 1.000");
    contains(text, "4.0000 -> 1.0000");
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80)
            assert_true((unsigned char)*c == 0xc3 || (unsigned char)*c == 0xa9); /* the name */
    lyc_free(text);
}

static size_t longest_table_line(const char *text) {
    size_t longest = 0;
    const char *end = strstr(text, "\nthe student that"); /* sentences from there on */
    if (end == NULL) end = strstr(text, "\nwhat became");
    assert_non_null(end);
    for (const char *line = text; line < end; line += strcspn(line, "\n") + 1) {
        char copy[1024];
        (void)snprintf(copy, sizeof copy, "%.*s", (int)strcspn(line, "\n"), line);
        size_t length = lyc__utf8_count(copy);
        if (strncmp(line, "fashion:", 8) != 0 && length > longest) longest = length;
    }
    return longest;
}

static void fits_the_terminal(void **state) {
    (void)state;
    story_write();
    for (int columns = 72; columns <= 200; columns += 16) {
        char *text = text_of(&(lyc_inspect_style){.utf8 = columns % 32 == 0, .columns = columns});
        assert_in_range(longest_table_line(text), columns < 100 ? (size_t)columns - 12 : 80, columns);
        lyc_free(text);
    }
}

static void colours_only_when_given(void **state) {
    (void)state;
    story_write();
    char *text = text_of(&(lyc_inspect_style){
        .utf8 = true, .bold = "<b>", .dim = "<d>", .good = "<g>", .bad = "<r>", .reset = "</>"});
    contains(text, "<b>fashion</>: strategy");
    contains(text, "<b>scrambled</>: dropped");
    lyc_free(text);
}

static void sure_credit_is_coloured(void **state) {
    (void)state;
    static const uint8_t with[STORY_TEACHERS] = {1, 1, 1, 1}, without[STORY_TEACHERS] = {1, 1, 1, 0};
    static const float weight[STORY_TEACHERS] = {0.25f, 0.25f, 0.25f, 0.25f};
    lyc_run_facts facts = story_facts(STORY_TEACHERS);
    lyc_runfile *file = story_create(&facts);
    lyc_error err = {0};
    for (int i = 0; i < 10; i++) {
        const lyc_probes_row pair = {.select_a = with,
                                     .select_b = without,
                                     .weight_a = weight,
                                     .weight_b = weight,
                                     .advantage = -1 - i % 2};
        assert_int_equal(lyc_run_append_probes(file, &pair, &err), LYC_OK);
    }
    story_close(file);
    char *text = text_of(&(lyc_inspect_style){.utf8 = true, .good = "<g>", .bad = "<r>", .reset = "</>"});
    contains(text, "<r>      -1.500 \u00b1 0.167</>      10\n");
    assert_null(strstr(text, "<g>"));
    contains(text, "No batch is recorded yet.");
    assert_null(strstr(text, "the student over time"));
    lyc_free(text);
}

static void many_classes(void **state) {
    (void)state;
    static char names[70][16];
    const char *list[70];
    static float by_class[STORY_TEACHERS * 70];
    static uint64_t rows[70];
    for (int c = 0; c < 70; c++) {
        (void)snprintf(names[c], sizeof names[c], "c%d", c);
        list[c] = names[c];
        rows[c] = 1;
        by_class[c] = (float)c / 100;
    }
    lyc_run_facts facts = story_facts(STORY_TEACHERS);
    facts.classes = 70;
    facts.class_names = list;
    lyc_runfile *file = story_create(&facts);
    lyc_error err = {0};
    const lyc_epochs_row epoch = {.class_weight = by_class, .class_select = by_class, .class_rows = rows};
    assert_int_equal(lyc_run_append_epochs(file, &epoch, &err), LYC_OK);
    story_close(file);
    char *text = text_of(&(lyc_inspect_style){.columns = 80});
    contains(text, "      c0      c1      c2      c3      c4      c5      c6      c7\n");
    contains(text, "   0.630\n");
    contains(text, "... and 6 more classes: --json has them all");
    assert_null(strstr(text, "c64"));
    lyc_free(text);
}

static void long_names(void **state) {
    (void)state;
    static const char *const names[1] = {"a teacher whose name has far too many words"};
    lyc_run_facts facts = story_facts(1);
    facts.teacher_names = names;
    lyc_runfile *file = story_create(&facts);
    story_append(file, 0, story_weights);
    story_close(file);
    char *text = text_of(&(lyc_inspect_style){.columns = 80});
    contains(text, "\na teacher whose~    90.62 %");
    contains(text, "\na teacher whose name has far too many words: ");
    assert_in_range(longest_table_line(text), 60, 80);
    lyc_free(text);
}

static void supervised_training(void **state) {
    (void)state;
    lyc_run_facts facts = story_facts(0);
    lyc_runfile *file = story_create(&facts);
    for (uint64_t row = 0; row < 10; row++) story_append(file, row, story_weights);
    story_close(file);
    char *text = text_of(&(lyc_inspect_style){.columns = 80});
    assert_null(strstr(text, "teachers: accuracy"));
    assert_null(strstr(text, "what became"));
    contains(text, "loss  ");
    lyc_free(text);
}

/* ---- JSON ------------------------------------------------------------------------------------------- */

static const char *const expectations =
    "import json, sys\n"
    "d = json.load(sys.stdin)\n"
    "assert d['name'] == 'fashion' and d['strategy'] == 'learned' and d['status'] == 'stopped'\n"
    "assert (d['steps'], d['total_steps'], d['steps_per_epoch'], d['probes']) == (400, 1600, 200, 6)\n"
    "assert d['classes'] == ['shirt', 'a very long name of a class'] and d['credit_by'] == 'selection'\n"
    "names = [t['name'] for t in d['teachers']]\n"
    "assert names == ['cnn-a', 'mlp, small', 'sp\\u00e9cialist', 'scrambled'], names\n"
    "t = d['teachers'][3]\n"
    "assert t['kind'] == 'model' and t['fingerprint'] == 'dd' and t['valid_ce'] == 2.5\n"
    "assert abs(t['mean_weight'] - 0.07) < 1e-12 and abs(t['selection_rate'] - 0.28) < 1e-12\n"
    "assert abs(t['last_quarter_weight'] - 0.01) < 1e-12 and t['dropped_after_step'] == 100\n"
    "assert t['credit']['pairs'] == 4 and t['credit']['mean'] == -0.25\n"
    "assert d['teachers'][1]['credit'] == {'mean': None, 'standard_error': None, 'pairs': 0}\n"
    "assert d['teachers'][0]['dropped_after_step'] is None\n"
    "assert t['verdict'].startswith('dropped after step 100')\n"
    "assert len(t['weight_over_time']) == 40 and t['weight_over_time'][9] == 0.25\n"
    "assert d['teachers'][0]['weight_by_class'] == [0.625, 0.5]\n"
    "assert d['teachers'][2]['selection_by_class'] == [0.25, 1]\n"
    "o = d['over_time']\n"
    "assert o['window'] == 10 and o['steps'][0] == 10 and o['steps'][-1] == 400\n"
    "assert o['loss_total'][0] == 4 and o['loss_total'][-1] == 1 and o['reward'][2] is None\n"
    "assert [e['valid_accuracy'] for e in d['epochs']] == [0.8125, 0.875] and d['epochs'][1]['loss_ce'] == "
    "1\n"
    "assert d['evaluation'] == [{'split': 'test', 'rows': 10000, 'accuracy': 0.875, 'nll': 0.375, 'brier': "
    "0.25,\n"
    "    'ece': 0.03125, 'f1_macro': 0.8125, 'matthews': 0.75, 'epoch': 1, 'touched': 1}]\n";

static void json(void **state) {
    (void)state;
    lyc_inspection *run;
    lyc_error err = {0};
    char *text;
    story_write();
    assert_int_equal(lyc_inspect_open(&run, scratch_path("run.h5"), 0, &err),
                     LYC_OK); /* the file will do as well */
    assert_int_equal(lyc_inspect_json(run, &text, &err), LYC_OK);
    lyc_inspect_close(run);
    assert_true(scratch_write("run.json", text, strlen(text)) &&
                scratch_write("check.py", expectations, strlen(expectations)));
    char command[3 * SCRATCH_PATH];
    (void)snprintf(command, sizeof command, "/usr/bin/python3 %s < %s", scratch_path("check.py"),
                   scratch_path("run.json"));
    contains(text, "\"verdict\": \"dropped after step 100, 1 % of the weight in the last quarter\"");
    lyc_free(text);
    if (access("/usr/bin/python3", X_OK) != 0) {
        print_message("skipped: /usr/bin/python3 is not there\n");
        skip();
    }
    int how = system(command);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

/* ---- CSV -------------------------------------------------------------------------------------------- */

typedef struct collected {
    char *text;
    size_t size, pieces;
} collected;

static lyc_status collect(void *payload, const char *text, size_t size, lyc_error *err) {
    (void)err;
    collected *to = payload;
    to->text = realloc(to->text, to->size + size + 1);
    memcpy(to->text + to->size, text, size);
    to->size += size;
    to->text[to->size] = '\0';
    to->pieces++;
    return LYC_OK;
}

static const char *line_of(const collected *csv, size_t number, char out[1024]) {
    const char *line = csv->text;
    for (size_t i = 0; i < number; i++) line = strchr(line, '\n') + 1;
    (void)snprintf(out, 1024, "%.*s", (int)strcspn(line, "\n"), line);
    return out;
}

static void csv(void **state) {
    (void)state;
    collected got = {0};
    lyc_error err = {0};
    char line[1024];
    story_write();
    assert_int_equal(lyc_inspect_csv(scratch_directory, collect, &got, &err), LYC_OK);
    assert_string_equal(
        line_of(&got, 0, line),
        "step,epoch,select.cnn-a,\"select.mlp, small\",select.sp\u00e9cialist,select.scrambled,weight.cnn-a,"
        "\"weight.mlp, "
        "small\",weight.sp\u00e9cialist,weight.scrambled,log_prob,reward,baseline,advantage,entropy,"
        "loss_total,loss_ce,loss_kd,labelled,seconds_teacher,seconds_decide,seconds_student,seconds_probe");
    assert_string_equal(line_of(&got, 1, line),
                        "0,0,1,1,1,1,0.25,0.25,0.25,0.25,-1.5,0,,,2,4,1,0.1,12,0,0,0.25,0");
    assert_string_equal(line_of(&got, 302, line),
                        "301,1,1,1,0,0,0.75,0.25,0,0,-1.5,,,,1.2475,1,1,0.1,12,0,0,0.25,0");
    size_t lines = 0;
    for (const char *c = got.text; *c != '\0'; c++) lines += *c == '\n';
    assert_int_equal(lines, 401);
    free(got.text);
}

/* More rows than a block; numbers of 32 bits with the digits they have. */
static void long_csv(void **state) {
    (void)state;
    static const uint8_t select[1] = {1};
    static const float weight[1] = {0.1f};
    lyc_run_facts facts = story_facts(1);
    lyc_runfile *file = story_create(&facts);
    lyc_error err = {0};
    for (uint64_t row = 0; row < 5000; row++) {
        const lyc_trajectory_row values = {.step = row,
                                           .select = select,
                                           .weight = weight,
                                           .seconds_decide = 123456.7f,
                                           .seconds_probe = 2.07e-7f};
        assert_int_equal(lyc_run_append_trajectory(file, &values, &err), LYC_OK);
    }
    story_close(file);
    collected got = {0};
    char line[1024];
    assert_int_equal(lyc_inspect_csv(scratch_directory, collect, &got, &err), LYC_OK);
    assert_int_equal(got.pieces, 2);
    assert_string_equal(line_of(&got, 5000, line), "4999,0,1,0.1,0,0,0,0,0,0,0,0,0,0,123456.7,0,2.07e-07");
    free(got.text);
}

static lyc_status refuse(void *payload, const char *text, size_t size, lyc_error *err) {
    (void)text, (void)size;
    if ((*(int *)payload)-- > 0) return LYC_OK;
    LYC_FAIL(err, LYC_EIO, "the pipe is closed");
}

static void csv_ends_with_its_sink(void **state) {
    (void)state;
    lyc_error err = {0};
    int left = 0;
    story_write();
    assert_int_equal(lyc_inspect_csv(scratch_directory, refuse, &left, &err), LYC_EIO);
    assert_string_equal(err.message, "the pipe is closed");
    assert_int_equal(left, -1);
    left = 9;
    assert_int_equal(lyc_inspect_csv(scratch_path("absent"), refuse, &left, &err), LYC_EIO);
    assert_int_equal(left, 9);
}

static void csv_of_an_empty_run(void **state) {
    (void)state;
    collected got = {0};
    lyc_error err = {0};
    char line[1024];
    story_tell(1, 0, story_weights);
    assert_int_equal(lyc_inspect_csv(scratch_directory, collect, &got, &err), LYC_OK);
    assert_int_equal(strncmp(line_of(&got, 0, line), "step,epoch,select.cnn-a,weight.cnn-a,", 37), 0);
    assert_int_equal(got.text[got.size - 1], '\n');
    free(got.text);
}

/* Not even a heading comes out of a file whose rows do not fit its teachers. */
static void csv_of_a_damaged_run(void **state) {
    (void)state;
    static const lyc_column columns[] = {{"step", LYC_TYPE_U64, 0, {0, 0}, NULL},
                                         {"epoch", LYC_TYPE_U32, 0, {0, 0}, NULL},
                                         {"select", LYC_TYPE_U8, 1, {3, 0}, NULL}};
    static const lyc_table_spec table = {"trajectory", columns, 3, 0};
    const lyc_constant names = {.path = "/teachers/name", .texts = story_names, .rank = 1, .dims = {2, 0}};
    const uint64_t step = 0;
    const uint32_t epoch = 0;
    const uint8_t select[3] = {1, 1, 1};
    const void *const row[] = {&step, &epoch, select};
    collected got = {0};
    lyc_runfile *file;
    lyc_error err = {0};
    assert_int_equal(lyc_runfile_create(&file, scratch_path("run.h5"), &table, 1, &names, 1, &err), LYC_OK);
    assert_int_equal(lyc_runfile_append(file, 0, row, &err), LYC_OK);
    story_close(file);
    assert_int_equal(lyc_inspect_csv(scratch_directory, collect, &got, &err), LYC_EFORMAT);
    contains(err.message, "run.h5: /trajectory/select has 3 numbers a row, 2 were expected");
    assert_int_equal(got.pieces, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)
        TEST(says_everything),
        TEST(curves_are_drawn),
        TEST(fits_the_terminal),
        TEST(colours_only_when_given),
        TEST(sure_credit_is_coloured),
        TEST(many_classes),
        TEST(long_names),
        TEST(supervised_training),
        TEST(json),
        TEST(csv),
        TEST(long_csv),
        TEST(csv_ends_with_its_sink),
        TEST(csv_of_an_empty_run),
        TEST(csv_of_a_damaged_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
