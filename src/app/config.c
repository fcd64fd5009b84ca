/* `lyceum config WHAT`: the texts that the table of fields generates, and what a file means. */
#include <stdio.h>
#include <string.h>

#include "app/job.h"
#include "lyceum/memory.h"

typedef struct config_options {
    lyc__common common;
    bool train;
} config_options;

static const lyc__option options[] = {
    {"train", 0, LYC__OPTION_FLAG, offsetof(config_options, train), NULL,
     "help, resolved: a configuration for `lyceum train`, not `lyceum distill`", 0, 0},
    LYC__COMMON_SET,
    LYC__COMMON_QUIET,
    LYC__COMMON_HELP,
};

static const lyc__usage usage = {
    .command = "config",
    .synopsis = "WHAT [CONFIG] [options]",
    .summary = "explain, check and complete configurations",
    .about = "what\n"
             "  help              the keys, their defaults and meanings, as a list\n"
             "  reference         the same as a page: docs/configuration.md\n"
             "  schema            the same as a JSON schema for editors: configs/schema.json\n"
             "  resolved CONFIG   checks a file and prints every setting that is in force\n\n"
             "Everything is generated from one table, so the texts cannot disagree with what is "
             "read.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .least_arguments = 1,
    .most_arguments = 2,
    .argument = "what to print (help, reference, schema or resolved)",
    .examples = "lyceum config help --train\n"
                "lyceum config resolved student.json --set train.epochs=3\n"
                "lyceum config schema >configs/schema.json",
    .configures = -1,
};

static lyc_status no_file(const config_options *o, lyc_error *err) {
    if (o->common.arguments.count > 1)
        LYC_FAIL(err, LYC_EUSAGE, "`lyceum config %s` takes no file", o->common.arguments.items[0]);
    if (o->common.sets.count > 0) LYC_FAIL(err, LYC_EUSAGE, "--set is for `lyceum config resolved CONFIG`");
    return LYC_OK;
}

static lyc_config_command command_of(const config_options *o) {
    return o->train ? LYC_CONFIG_TRAIN : LYC_CONFIG_DISTILL;
}

static lyc_status make_help(const config_options *o, char **out, lyc_error *err) {
    LYC_TRY(no_file(o, err));
    return lyc_config_help(out, command_of(o), err);
}

static lyc_status make_reference(const config_options *o, char **out, lyc_error *err) {
    LYC_TRY(no_file(o, err));
    return lyc_config_reference(out, err);
}

static lyc_status make_schema(const config_options *o, char **out, lyc_error *err) {
    LYC_TRY(no_file(o, err));
    return lyc_config_schema(out, err);
}

static lyc_status make_resolved(const config_options *o, char **out, lyc_error *err) {
    if (o->common.arguments.count < 2) LYC_FAIL(err, LYC_EUSAGE, "the config file is missing");
    lyc__common common = o->common;
    common.arguments.items[0] = common.arguments.items[1];
    lyc_config *config = NULL;
    LYC_TRY(lyc__load_config(&config, command_of(o), &common, err));
    lyc_status status = lyc_config_resolved(config, out, err);
    lyc_config_destroy(config);
    return status;
}

static const struct {
    const char *name;
    lyc_status (*make)(const config_options *o, char **out, lyc_error *err);
} texts[] = {
    {"help", make_help}, {"reference", make_reference}, {"schema", make_schema}, {"resolved", make_resolved}};
enum { TEXTS = sizeof texts / sizeof *texts };

static lyc_status make(const config_options *o, char **out, lyc_error *err) {
    const char *names[TEXTS], *wanted = o->common.arguments.items[0];
    for (size_t i = 0; i < TEXTS; i++) {
        names[i] = texts[i].name;
        if (strcmp(texts[i].name, wanted) == 0) return texts[i].make(o, out, err);
    }
    return lyc__unknown_name("choice of what to print", wanted, names, TEXTS, err);
}

int lyc__app_config(int argc, char **argv) {
    config_options o = {0};
    int code = LYC__EXIT_DONE;
    if (!lyc__begin(&usage, argc, argv, &o, &code)) return code;
    lyc_error err = {0};
    char *text = NULL;
    if (make(&o, &text, &err) != LYC_OK) return lyc__failed(&usage, &err);
    fputs(text, stdout);
    lyc_free(text);
    return LYC__EXIT_DONE;
}
