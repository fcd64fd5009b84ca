/* `lyceum train CONFIG`: supervised training, which is how teachers are made. */
#include "app/job.h"

static const lyc__option options[] = {
    LYC__COMMON_SET,     LYC__COMMON_SEED, LYC__COMMON_OUTPUT, LYC__COMMON_RESUME,
    LYC__COMMON_THREADS, LYC__COMMON_JSON, LYC__COMMON_QUIET,  LYC__COMMON_HELP,
};

static const lyc__usage usage = {
    .command = "train",
    .synopsis = "CONFIG [options]",
    .summary = "train a network on labels: how teachers are made",
    .about = "Trains the network of CONFIG on the split `train` and hands out the epoch that is "
             "best on `valid`. The other splits are never trained on: a teacher that had seen "
             "them would mislead every rule that looks at its loss.\n\n"
             "Writes into the run directory: model.h5 (the network), run.h5 (losses, batch by "
             "batch), config.json (every setting in force), log.jsonl, result.json and "
             "checkpoints/. Ctrl-C stops after a checkpoint; --resume goes on, to the same bits "
             "as without the stop. A finished run is reported, not repeated.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .least_arguments = 1,
    .most_arguments = 1,
    .argument = "the config file",
    .examples = "lyceum train configs/fashion/teacher-lenet5.json\n"
                "lyceum train teacher.json --seed 2 --output models/cnn-2\n"
                "lyceum train teacher.json --set train.epochs=20 --set optimizer.lr=0.002\n"
                "lyceum train teacher.json --resume",
    .failed = "failed or stopped; the reason is on stderr",
    .configures = LYC_CONFIG_TRAIN,
};

int lyc__app_train(int argc, char **argv) {
    return lyc__run_job(&usage, LYC_CONFIG_TRAIN, lyc_train_run, argc, argv);
}
