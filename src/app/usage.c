/* Help texts, generated from the tables, and how every subcommand begins and fails. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "lyceum/config.h"
#include "lyceum/memory.h"

#define OPTION_COLUMN 27

/* Text behind `column` blanks, wrapped at `width`. The first line is already at the column. */
static void print_wrapped(const char *text, int column, int width) {
    int room = width - column > 30 ? width - column : 30;
    for (bool first = true; *text; first = false) {
        int length = (int)strcspn(text, "\n");
        if (length > room) {
            length = room;
            while (length > 0 && text[length] != ' ') length--;
            if (length == 0) length = (int)strcspn(text, " \n");
        }
        printf("%*s%.*s\n", first ? 0 : column, "", length, text);
        text += length;
        while (*text == ' ') text++;
        if (*text == '\n') text++; /* a second one makes an empty line */
    }
}

static void print_option(const lyc__option *option, int width) {
    char left[80];
    int used = option->letter ? snprintf(left, sizeof left, "  -%c, --%s", option->letter, option->name)
                              : snprintf(left, sizeof left, "      --%s", option->name);
    if (option->placeholder)
        used += snprintf(left + used, sizeof left - (size_t)used, " %s", option->placeholder);
    printf("%-*s", OPTION_COLUMN, left);
    if (used >= OPTION_COLUMN) printf("\n%*s", OPTION_COLUMN, "");
    print_wrapped(option->doc, OPTION_COLUMN, width);
}

static void print_block(const char *text) {
    for (const char *line = text; *line;) {
        int length = (int)strcspn(line, "\n");
        printf("%s%.*s\n", length ? "  " : "", length, line);
        line += length;
        if (*line) line++;
    }
}

static void print_keys(lyc_config_command command, const lyc__colours *c) {
    char *keys = NULL;
    if (lyc_config_help(&keys, command, NULL) != LYC_OK) return;
    printf("\n%skeys of the config%s (--set KEY=VALUE overrides one; docs/configuration.md says more)\n%s",
           c->bold, c->reset, keys);
    lyc_free(keys);
}

void lyc__help(const lyc__usage *usage) {
    const lyc__colours *c = lyc__stdout_colours();
    int columns = lyc__stdout_columns(), width = columns < 100 ? columns : 100;
    printf("%slyceum %s%s - %s\n\n", c->bold, usage->command, c->reset, usage->summary);
    printf("%susage%s\n  lyceum %s %s\n\n", c->bold, c->reset, usage->command, usage->synopsis);
    print_wrapped(usage->about, 0, width);
    printf("\n%soptions%s\n", c->bold, c->reset);
    for (size_t i = 0; i < usage->option_count; i++) print_option(&usage->options[i], width);
    printf("\n%sexamples%s\n", c->bold, c->reset);
    print_block(usage->examples);
    printf("\n%sexit codes%s\n  0  done\n  1  %s\n  2  wrong usage or configuration\n", c->bold, c->reset,
           usage->failed ? usage->failed : "failed; the reason is on stderr");
    if (usage->configures >= 0) print_keys((lyc_config_command)usage->configures, c);
}

int lyc__failed(const lyc__usage *usage, const lyc_error *err) {
    const lyc__colours *c = lyc__stderr_colours();
    lyc__terminal_stop();
    fprintf(stderr, "%slyceum %s:%s %s\n", c->red, usage->command, c->reset, err->message);
    if (err->code == LYC_EUSAGE) fprintf(stderr, "See: lyceum %s --help\n", usage->command);
    return err->code == LYC_EUSAGE || err->code == LYC_ECONFIG ? LYC__EXIT_USAGE : LYC__EXIT_FAILED;
}

lyc_status lyc__print_json(lyc__json *json, lyc_error *err) {
    char *text = NULL;
    LYC_TRY(lyc__json_finish(json, &text, err));
    fputs(text, stdout);
    lyc_free(text);
    return LYC_OK;
}

bool lyc__begin(const lyc__usage *usage, int argc, char **argv, void *target, int *code) {
    lyc_error err = {0};
    const lyc__common *common = target;
    if (lyc__options_parse(usage, argc, argv, target, &err) != LYC_OK) {
        *code = lyc__failed(usage, &err);
        return false;
    }
    if (common->help) {
        lyc__help(usage);
        *code = LYC__EXIT_DONE;
        return false;
    }
    lyc__terminal_start(common->quiet);
    return true;
}
