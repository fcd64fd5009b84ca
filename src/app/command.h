/* The subcommands of the program and what they share.
 *
 * A subcommand is one file with one function `int lyc__app_NAME(int argc, char **argv)` (argv[0] is the
 * subcommand's name; the result is the exit code), one table of options and one row in main.c:
 *
 *     struct eval_options { lyc__common common; const char *data; };
 *     static const lyc__option options[] = {
 *         {"data", 0, LYC__OPTION_TEXT, offsetof(struct eval_options, data), "FILE", "data set"},
 *         LYC__COMMON_JSON, LYC__COMMON_QUIET, LYC__COMMON_HELP,
 *     };
 *     static const lyc__usage usage = {.command = "eval", .synopsis = "MODEL --data FILE", .options =
 * options, ...};
 *
 *     int lyc__app_eval(int argc, char **argv) {
 *         struct eval_options options = {0};
 *         int code;
 *         if (!lyc__begin(&usage, argc, argv, &options, &code)) return code;
 *         ...
 *         return lyc__failed(&usage, &err);
 *     }
 *
 * Results go to stdout, everything else (progress, warnings, errors) to stderr. With --json stdout holds one
 * JSON object (base/json_writer.h) and nothing else.
 */
#ifndef LYCEUM_APP_COMMAND_H
#define LYCEUM_APP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_writer.h"
#include "lyceum/error.h"

enum { LYC__EXIT_DONE = 0, LYC__EXIT_FAILED = 1, LYC__EXIT_USAGE = 2 };

typedef struct lyc__command {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} lyc__command;
extern const lyc__command lyc__commands[]; /* ends with a row without a name */

int lyc__app_data(int argc, char **argv);
int lyc__app_train(int argc, char **argv);
int lyc__app_distill(int argc, char **argv);
int lyc__app_ablate(int argc, char **argv);
int lyc__app_bank(int argc, char **argv);
int lyc__app_eval(int argc, char **argv);
int lyc__app_inspect(int argc, char **argv);
int lyc__app_config(int argc, char **argv);
int lyc__app_doctor(int argc, char **argv);

/* ---- options -------------------------------------------------------------------------------------- */

typedef enum lyc__option_kind {
    LYC__OPTION_FLAG,   /* bool */
    LYC__OPTION_TEXT,   /* const char *, borrowed from argv */
    LYC__OPTION_COUNT,  /* int64_t between low and high */
    LYC__OPTION_NUMBER, /* double between low and high */
    LYC__OPTION_LIST    /* lyc__texts: may be given several times */
} lyc__option_kind;

#define LYC__TEXTS_MAX 64
typedef struct lyc__texts {
    const char *items[LYC__TEXTS_MAX];
    size_t count;
} lyc__texts;

/* One row of a table of options: parsed and explained from the same row. */
typedef struct lyc__option {
    const char *name; /* without the dashes: "data" */
    char letter;      /* short form, 0 = none */
    lyc__option_kind kind;
    size_t offset;           /* in the subcommand's structure */
    const char *placeholder; /* "FILE"; NULL for flags */
    const char *doc;         /* one line, default included */
    double low, high;        /* COUNT and NUMBER */
} lyc__option;

/* First member of every subcommand's structure of options. */
typedef struct lyc__common {
    bool help, json, quiet, resume;
    int64_t threads;      /* 0 = one per core */
    const char *seed;     /* as written; sugar for --set train.seed=N */
    const char *output;   /* sugar for --set output=DIR */
    lyc__texts sets;      /* --set path.to.key=value */
    lyc__texts arguments; /* what is no option */
} lyc__common;

#define LYC__COMMON_HELP                                                                                     \
    { "help", 'h', LYC__OPTION_FLAG, offsetof(lyc__common, help), NULL, "this text", 0, 0 }
#define LYC__COMMON_JSON                                                                                     \
    {                                                                                                        \
        "json", 0, LYC__OPTION_FLAG, offsetof(lyc__common, json), NULL,                                      \
            "print one JSON object on stdout and nothing else there", 0, 0                                   \
    }
#define LYC__COMMON_QUIET                                                                                    \
    {                                                                                                        \
        "quiet", 'q', LYC__OPTION_FLAG, offsetof(lyc__common, quiet), NULL,                                  \
            "no progress; warnings and errors only", 0, 0                                                    \
    }
#define LYC__COMMON_RESUME                                                                                   \
    {                                                                                                        \
        "resume", 0, LYC__OPTION_FLAG, offsetof(lyc__common, resume), NULL,                                  \
            "go on from the newest checkpoint of the run directory", 0, 0                                    \
    }
#define LYC__COMMON_THREADS                                                                                  \
    {                                                                                                        \
        "threads", 't', LYC__OPTION_COUNT, offsetof(lyc__common, threads), "N",                              \
            "threads to compute with (default: one per core); never changes a result", 0, 1024               \
    }
#define LYC__COMMON_SEED                                                                                     \
    {                                                                                                        \
        "seed", 0, LYC__OPTION_TEXT, offsetof(lyc__common, seed), "N",                                       \
            "training seed; short for --set train.seed=N", 0, 0                                              \
    }
#define LYC__COMMON_OUTPUT                                                                                   \
    {                                                                                                        \
        "output", 'o', LYC__OPTION_TEXT, offsetof(lyc__common, output), "DIR",                               \
            "run directory; short for --set output=DIR", 0, 0                                                \
    }
#define LYC__COMMON_SET                                                                                      \
    {                                                                                                        \
        "set", 0, LYC__OPTION_LIST, offsetof(lyc__common, sets), "KEY=VALUE",                                \
            "override a key of the config, e.g. train.epochs=3; repeatable", 0, 0                            \
    }

typedef struct lyc__usage {
    const char *command;  /* "eval" */
    const char *synopsis; /* what follows the name: "MODEL --data FILE [options]" */
    const char *summary;  /* one line, as in the list of subcommands */
    const char *about;    /* paragraphs: what it does, what it writes */
    const lyc__option *options;
    size_t option_count;
    size_t least_arguments, most_arguments;
    const char *argument; /* what an argument is, for the message when it is missing: "the config file" */
    const char *examples; /* lines, each a command or a comment */
    const char *failed;   /* what exit code 1 means here; NULL = the usual */
    int configures;       /* lyc_config_command whose keys --help lists, -1 = none */
} lyc__usage;

/* Parses argv into `target`, serves --help, installs terminal output. False: return *code. */
bool lyc__begin(const lyc__usage *usage, int argc, char **argv, void *target, int *code);
/* Only the parsing, without any output: LYC_EUSAGE and the reason. */
LYC_MUST_USE lyc_status lyc__options_parse(const lyc__usage *usage, int argc, char **argv, void *target,
                                           lyc_error *err);
/* LYC_EUSAGE "unknown WHAT "NAME"; did you mean "x"? There are: ..." */
LYC_MUST_USE lyc_status lyc__unknown_name(const char *what, const char *name, const char *const *names,
                                          size_t count, lyc_error *err);
/* Prints the error on stderr; the exit code that belongs to it. */
int lyc__failed(const lyc__usage *usage, const lyc_error *err);
/* Finishes the object and prints it on stdout. */
LYC_MUST_USE lyc_status lyc__print_json(lyc__json *json, lyc_error *err);
/* The usage text of one subcommand, on stdout. */
void lyc__help(const lyc__usage *usage);

/* ---- terminal ------------------------------------------------------------------------------------- */

/* Installs the log sink and the progress renderer on stderr: a bar on a terminal, a plain line every few
 * seconds elsewhere, with `quiet` only warnings and errors. Colours on a terminal only, and never with
 * NO_COLOR. */
void lyc__terminal_start(bool quiet);
/* Removes a bar that is half drawn: before results or an error are printed. */
void lyc__terminal_stop(void);
/* ANSI codes for stdout, empty where stdout is no terminal or NO_COLOR is set. */
typedef struct lyc__colours {
    const char *bold, *dim, *red, *green, *yellow, *cyan, *reset;
} lyc__colours;
const lyc__colours *lyc__stdout_colours(void);
const lyc__colours *lyc__stderr_colours(void);
/* The locale's character set is UTF-8, so that bars and sparklines can be drawn. */
bool lyc__terminal_utf8(void);
/* Columns of the terminal behind stdout, 80 where there is none. */
int lyc__stdout_columns(void);

#endif
