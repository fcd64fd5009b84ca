/* `lyceum doctor`: what this machine and this build can do, and what is wrong. */
#include <stdio.h>

#include "app/command.h"
#include "app/doctor_checks.h"
#include "lyceum/memory.h"
#include "lyceum/version.h"

static const lyc__option options[] = {
    LYC__COMMON_JSON,
    LYC__COMMON_HELP,
};

static const lyc__usage usage = {
    .command = "doctor",
    .synopsis = "[options]",
    .summary = "check this machine and this build",
    .about = "Looks at the CPU, the cores and memory that this process may use, the libraries "
             "that are really loaded, the locale and the disk, and says of each whether it is ok, "
             "slow (warning) or wrong (problem), with the command that fixes it. Of the three "
             "OpenBLAS flavours that share one library name, two compute wrong results or ignore "
             "the thread setting here: this is where it shows.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples = "lyceum doctor\nlyceum doctor --json",
    .failed = "there is a problem",
    .configures = -1,
};

static void print_text(const lyc__finding *findings) {
    const lyc__colours *c = lyc__stdout_colours();
    const char *colours[] = {c->green, c->yellow, c->red};
    for (size_t i = 0; i < lyc__check_count; i++) {
        const lyc__finding *f = &findings[i];
        printf("%s%-8s%s %-10s %s\n", colours[f->verdict], lyc__verdict_name(f->verdict), c->reset,
               lyc__checks[i].name, f->value);
        if (f->fix[0]) printf("%19s %s-> %s%s\n", "", c->bold, f->fix, c->reset);
    }
}

static lyc_status print_json(const lyc__finding *findings, bool problem, lyc_error *err) {
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "version", lyc_version());
    lyc__json_bool(&json, "problem", problem);
    lyc__json_array(&json, "checks");
    for (size_t i = 0; i < lyc__check_count; i++) {
        lyc__json_object_inline(&json, NULL);
        lyc__json_text(&json, "name", lyc__checks[i].name);
        lyc__json_text(&json, "verdict", lyc__verdict_name(findings[i].verdict));
        lyc__json_text(&json, "value", findings[i].value);
        lyc__json_text(&json, "fix", findings[i].fix[0] ? findings[i].fix : NULL);
        lyc__json_end(&json);
    }
    lyc__json_end(&json);
    lyc__json_end(&json);
    return lyc__print_json(&json, err);
}

int lyc__app_doctor(int argc, char **argv) {
    lyc__common common = {0};
    int code = LYC__EXIT_DONE;
    if (!lyc__begin(&usage, argc, argv, &common, &code)) return code;
    lyc_error err = {0};
    lyc__finding *findings = NULL;
    if (LYC_NEW_ARRAY(findings, lyc__check_count, &err) != LYC_OK) return lyc__failed(&usage, &err);
    bool problem = false;
    for (size_t i = 0; i < lyc__check_count; i++) {
        lyc__checks[i].run(&findings[i]);
        problem = problem || findings[i].verdict == LYC__VERDICT_PROBLEM;
    }
    lyc_status status = LYC_OK;
    if (common.json) status = print_json(findings, problem, &err);
    else print_text(findings);
    lyc_free(findings);
    if (status != LYC_OK) return lyc__failed(&usage, &err);
    return problem ? LYC__EXIT_FAILED : LYC__EXIT_DONE;
}
