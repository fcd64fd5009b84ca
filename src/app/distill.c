/* `lyceum distill CONFIG`: the main job. */
#include "app/job.h"

static const lyc__option options[] = {
    LYC__COMMON_SET,     LYC__COMMON_SEED, LYC__COMMON_OUTPUT, LYC__COMMON_RESUME,
    LYC__COMMON_THREADS, LYC__COMMON_JSON, LYC__COMMON_QUIET,  LYC__COMMON_HELP,
};

static const lyc__usage usage = {
    .command = "distill",
    .synopsis = "CONFIG [options]",
    .summary = "distil several teachers into one student",
    .about = "Trains the student of CONFIG on the labels and on what its teachers say, batch by "
             "batch. The agent (or a fixed rule, agent.strategy) decides which teachers a batch "
             "listens to and how much, and learns from the student's improvement on the split "
             "`reward`. The student handed out is the epoch that is best on `valid`; `test` is "
             "measured once, at the end.\n\n"
             "Writes into the run directory: student.h5 (the student), run.h5 (the trajectory: "
             "every decision, reward and loss; readable while it grows), config.json (every "
             "setting in force), log.jsonl, result.json and checkpoints/. Teacher outputs are "
             "kept in banks and shared by later runs. Ctrl-C stops after a checkpoint; --resume "
             "goes on, to the same bits as without the stop. A finished run is reported, not "
             "repeated.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .least_arguments = 1,
    .most_arguments = 1,
    .argument = "the config file",
    .examples = "lyceum distill configs/fashion/student.json\n"
                "lyceum distill student.json --set agent.strategy=uniform --output runs/uniform\n"
                "lyceum distill student.json --seed 2 --output runs/seed-2 --json >result.json\n"
                "lyceum distill student.json --resume\n"
                "lyceum inspect runs/fashion                # while it runs, or afterwards",
    .failed = "failed or stopped; the reason is on stderr",
    .configures = LYC_CONFIG_DISTILL,
};

int lyc__app_distill(int argc, char **argv) {
    return lyc__run_job(&usage, LYC_CONFIG_DISTILL, lyc_distill_run, argc, argv);
}
