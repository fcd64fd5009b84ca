/* The program: a table of subcommands and what answers without one. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "base/suggest.h"
#include "lyceum/version.h"

const lyc__command lyc__commands[] = {
    {"data", "make a data-set file from the files a data set comes in", lyc__app_data},
    {"train", "train a network on labels: how teachers are made", lyc__app_train},
    {"distill", "distil several teachers into one student", lyc__app_distill},
    {"ablate", "compare settings over several seeds, in one tested table", lyc__app_ablate},
    {"bank", "compute the teachers' outputs ahead and keep them", lyc__app_bank},
    {"eval", "measure a model on a split", lyc__app_eval},
    {"inspect", "show what the agent of a run did", lyc__app_inspect},
    {"config", "explain, check and complete configurations", lyc__app_config},
    {"doctor", "check this machine and this build", lyc__app_doctor},
    {NULL, NULL, NULL},
};

static const char introduction[] =
    "lyceum distils an ensemble of frozen teachers into one small student. An\n"
    "agent learns, from the student's improvement on held-out data, which teachers\n"
    "to listen to and how much.\n";

static const char first_steps[] =
    "  lyceum doctor                                  is this machine set up?\n"
    "  lyceum data idx --help                         files to data set\n"
    "  lyceum train teacher.json                      data set to teacher\n"
    "  lyceum distill student.json                    teachers to student\n"
    "  lyceum inspect runs/student                    whom the agent listened to\n";

static int print_help(void) {
    const lyc__colours *c = lyc__stdout_colours();
    printf("%s\n%susage%s\n  lyceum COMMAND [arguments] [options]\n\n%scommands%s\n", introduction, c->bold,
           c->reset, c->bold, c->reset);
    for (const lyc__command *command = lyc__commands; command->name; command++)
        printf("  %s%-10s%s %s\n", c->cyan, command->name, c->reset, command->summary);
    printf("  %s%-10s%s explain a command; the same as COMMAND --help\n", c->cyan, "help", c->reset);
    printf("\n%sfirst steps%s\n%s", c->bold, c->reset, first_steps);
    printf("\n%sexit codes%s\n  0  done\n  1  failed\n  2  wrong usage or configuration\n", c->bold,
           c->reset);
    return LYC__EXIT_DONE;
}

static int print_version(void) {
    printf("lyceum %s\n", lyc_version());
    return LYC__EXIT_DONE;
}

static const lyc__command *find(const char *name) {
    for (const lyc__command *command = lyc__commands; command->name; command++)
        if (strcmp(command->name, name) == 0) return command;
    return NULL;
}

static int unknown(const char *name) {
    const char *names[32];
    size_t count = 0;
    for (const lyc__command *command = lyc__commands; command->name; command++)
        names[count++] = command->name;
    names[count++] = "help";
    const char *near = lyc__nearest(name, names, count);
    const char *kind = name[0] == '-' ? "option" : "command";
    fprintf(stderr, "lyceum: unknown %s \"%s\"", kind, name);
    if (near) fprintf(stderr, "; did you mean \"%s\"?", near);
    fprintf(stderr, "\nSee: lyceum --help\n");
    return LYC__EXIT_USAGE;
}

static int help_of(const char *name) {
    static char help[] = "--help";
    const lyc__command *command = find(name);
    if (!command) return unknown(name);
    char *arguments[] = {(char *)(uintptr_t)command->name, help, NULL};
    return command->run(2, arguments);
}

/* What was printed must have arrived: a full disk behind a redirection is a failure like any other. */
static int leave(int code) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    perror("lyceum: writing the output");
    return code == LYC__EXIT_DONE ? LYC__EXIT_FAILED : code;
}

/* Started with a stream closed, the first file opened would take its number, and messages would go into that
 * file. A stand-in takes it instead, opened the wrong way round: what is written to it fails, and is told. A
 * file larger than the limit (`ulimit -f`) is an error with a message, not a signal that kills. */
static void prepare_process(void) {
    for (int stream = 0; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0)
            (void)!open("/dev/null",
                        stream == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest free number */
    signal(SIGXFSZ, SIG_IGN);
}

int main(int argc, char **argv) {
    const char *first = argc > 1 ? argv[1] : "";
    prepare_process();
    if (argc < 2) {
        print_help();
        return leave(LYC__EXIT_USAGE);
    }
    if (strcmp(first, "help") == 0 && argc > 2) return leave(help_of(argv[2]));
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0)
        return leave(print_help());
    if (strcmp(first, "--version") == 0) return leave(print_version());
    const lyc__command *command = find(first);
    return leave(command ? command->run(argc - 1, argv + 1) : unknown(first));
}
