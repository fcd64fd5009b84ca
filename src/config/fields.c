#include "config/fields.h"

#include <stdio.h>
#include <string.h>

#define AT(member)         offsetof(lyc_config, member)
#define IN_TEACHER(member) offsetof(lyc_teacher_options, member)
#define IN_BLOCK(member)   offsetof(lyc_block, member)
#define IN_TERM(member)    offsetof(struct lyc_loss_term, member)

/* The member's own type chooses how an integer is stored, so that the row cannot disagree with the header. */
#define INTEGER(member)                                                                                      \
    .type = &lyc__type_integer, .offset = AT(member),                                                        \
    .storage = _Generic(((lyc_config *)0)->member, int                                                       \
                        : LYC__STORE_I32, int64_t                                                            \
                        : LYC__STORE_I64, uint32_t                                                           \
                        : LYC__STORE_U32, uint64_t                                                           \
                        : LYC__STORE_U64)
#define INTEGER_AUTO(member)      .type = &lyc__type_integer_auto, .offset = AT(member), .storage = LYC__STORE_I32
#define NUMBER(member)            .type = &lyc__type_number, .offset = AT(member)
#define TEXT(member)              .type = &lyc__type_text, .offset = AT(member)
#define FLAG(member)              .type = &lyc__type_flag, .offset = AT(member)
#define CHOICE(member, list)      .type = &lyc__type_choice, .offset = AT(member), .names = (list)
#define CHOICE_TEXT(member, list) .type = &lyc__type_choice_text, .offset = AT(member), .names = (list)
#define GROUP                     .type = &lyc__type_group
#define DISTILL                   .commands = LYC__FOR_DISTILL
#define TRAIN                     .commands = LYC__FOR_TRAIN
#define BOTH                      .commands = LYC__FOR_BOTH

/* lyc__type_choice stores an index as an enum: names stand in the order of the enum's values. */
_Static_assert(sizeof(lyc_fusion) == sizeof(int) && sizeof(lyc_action_mode) == sizeof(int) &&
                   sizeof(lyc_teach_mode) == sizeof(int) && sizeof(lyc_credit_kind) == sizeof(int) &&
                   sizeof(lyc_agent_network) == sizeof(int) && sizeof(lyc_shortcut) == sizeof(int) &&
                   sizeof(lyc_granularity) == sizeof(int) && sizeof(lyc_on_policy_algorithm) == sizeof(int) &&
                   sizeof(lyc_reward_kind) == sizeof(int) &&
                   sizeof(lyc_select) == sizeof(int) && sizeof(lyc_decay) == sizeof(int) &&
                   sizeof(lyc_teacher_view) == sizeof(int) && sizeof(lyc_precision) == sizeof(int),
               "enums of the configuration are as wide as int");

#define NAMES(...)    ((const char *const[]){__VA_ARGS__, NULL})
#define ARCHITECTURES NAMES("mlp", "lenet5", "resnet", "convnet")
#define STRATEGIES                                                                                           \
    NAMES("none", "single:<teacher>", "best_single", "uniform", "static", "random_single", "random_subset",  \
          "validated", "validated:accuracy", "logistic", "confidence", "entropy", "gradient",                   \
          "influence", "influence:last", "learned", "frozen:<checkpoint>")

/* clang-format off */
#define NETWORK_ROWS(key, command)                                                                           \
    {.path = key, GROUP, command, .doc = "The network to train."},                                           \
    {.path = key ".arch", CHOICE_TEXT(network.arch, ARCHITECTURES), command, .doc = "Perceptron or convolutional net."},        \
    {.path = key ".hidden", .type = &lyc__type_widths, command, .offset = AT(network.hidden),                \
     .count_offset = AT(network.hidden_count), .low = 1, .high = 65536, .most = LYC_MAX_HIDDEN,              \
     .initial = "[]", .doc = "Widths of the hidden layers (`mlp`); empty = the architecture's own."},        \
    {.path = key ".dropout", NUMBER(network.dropout), command, .low = 0, .high = 1, .below = true,           \
     .initial = "0", .doc = "Share of hidden activations dropped in training."},                             \
    {.path = key ".depth", INTEGER(network.depth), command, .low = 0, .high = 110, .initial = "0",           \
     .doc = "`resnet`: layers, 6 n + 2 (8, 20, 32, 44, 56, ...); 0 = 20."},                                  \
    {.path = key ".shortcut", CHOICE(network.shortcut, NAMES("pad", "project")), command,                    \
     .initial = "\"pad\"", .doc = "`resnet`: shortcuts without parameters, or 1 x 1 convolutions."},         \
    {.path = key ".blocks", .type = &lyc__type_objects_inline, command, .offset = AT(network.blocks),        \
     .count_offset = AT(network.block_count), .element_size = sizeof(lyc_block), .most = LYC_MAX_BLOCKS,     \
     .initial = "[]", .doc = "`convnet`: its blocks; empty = three of 32, 64 and 128 channels."},            \
    {.path = key ".blocks[].channels", .type = &lyc__type_integer, command, .offset = IN_BLOCK(channels),    \
     .storage = LYC__STORE_I32, .low = 1, .high = 16384, .doc = "Channels that the convolution gives."},     \
    {.path = key ".blocks[].kernel", .type = &lyc__type_integer, command, .offset = IN_BLOCK(kernel),        \
     .storage = LYC__STORE_I32, .low = 1, .high = 15, .initial = "3", .doc = "Side of the kernel, odd."},    \
    {.path = key ".blocks[].stride", .type = &lyc__type_integer, command, .offset = IN_BLOCK(stride),        \
     .storage = LYC__STORE_I32, .low = 1, .high = 15, .initial = "1", .doc = "Stride of the convolution."},  \
    {.path = key ".blocks[].batch_norm", .type = &lyc__type_flag, command, .offset = IN_BLOCK(batch_norm),   \
     .initial = "true", .doc = "Batch norm behind the convolution, which then has no bias."},                \
    {.path = key ".blocks[].pool", .type = &lyc__type_integer, command, .offset = IN_BLOCK(pool),            \
     .storage = LYC__STORE_I32, .low = 1, .high = 15, .initial = "1",                                        \
     .doc = "Side of the max pooling behind the ReLU; 1 = none."},                                           \
    {.path = key ".blocks[].dropout", .type = &lyc__type_number, command, .offset = IN_BLOCK(dropout),       \
     .low = 0, .high = 1, .below = true, .initial = "0",                                                     \
     .doc = "Share of the block's outputs dropped in training."}
/* clang-format on */

/* A row takes a line or two: clang-format would give each initialiser its own. */
/* clang-format off */
const lyc__field lyc__fields[] = {
    {.path = "$schema", .type = &lyc__type_note, BOTH, .initial = "null",
     .doc = "For editors, which find the schema of this file by it; changes nothing."},
    {.path = "name", TEXT(name), BOTH, .initial = "\"run\"", .doc = "What reports call this run."},
    {.path = "output", TEXT(output), BOTH, .doc = "Run directory; made if missing."},

    {.path = "data", GROUP, BOTH,
     .doc = "The data set and how it is cut into train, reward, valid and test."},
    {.path = "data.path", TEXT(data.path), BOTH, .doc = "Data-set file, as `lyceum data` writes it."},
    {.path = "data.reward_fraction", NUMBER(data.split.reward_fraction), BOTH, .low = 0, .high = 1,
     .above = true, .below = true, .initial = "0.05",
     .doc = "Share of the train part held out for the agent's reward."},
    {.path = "data.valid_fraction", NUMBER(data.split.valid_fraction), BOTH, .low = 0, .high = 1,
     .above = true, .below = true, .initial = "0.05",
     .doc = "Share of the train part held out for choosing the checkpoint."},
    {.path = "data.split_seed", INTEGER(data.split.seed), BOTH, .low = 0, .high = LYC__MOST_EXACT,
     .initial = "0",
     .doc = "Seed of the splits; belongs to the data, so that runs of several training seeds share them."},
    {.path = "data.train_rows", INTEGER(data.split.train_rows), BOTH, .low = 0, .high = LYC__MOST_EXACT,
     .initial = "0",
     .doc = "Train on this many labelled rows, evenly by class, and leave the others out; 0 = all rows."},
    {.path = "data.labelled", INTEGER(data.split.labelled), BOTH, .low = 0, .high = LYC__MOST_EXACT,
     .initial = "0",
     .doc = "Keep the labels of this many training rows, evenly by class, and withhold the others; 0 = keep all."},
    {.path = "data.train_on_reward", FLAG(data.split.train_on_reward), DISTILL, .initial = "false",
     .doc = "Train on the rows of the reward split too, for rules that make no other use of them."},
    {.path = "data.strict", FLAG(data.split.strict), BOTH, .initial = "false",
     .doc = "Rows of equal content are an error instead of a counted repair."},
    {.path = "data.only_classes", .type = &lyc__type_integers, BOTH, .offset = AT(data.split.only_classes),
     .count_offset = AT(data.split.only_class_count), .low = 0, .high = 32767, .least = 1, .most = 32768,
     .initial = "null", .doc = "Train on rows of these classes only; null = all."},
    {.path = "data.class_order", .type = &lyc__type_integers, BOTH, .offset = AT(data.split.class_order),
     .count_offset = AT(data.split.class_order_count), .low = 0, .high = 32767, .least = 1, .most = 32768,
     .initial = "null", .doc = "Read label y as entry y of this list; null = as it is."},

    {.path = "data.augment", GROUP, BOTH, .doc = "Views of the training images; view 0 is the clean one."},
    {.path = "data.augment.views", INTEGER(data.view.views), BOTH, .low = 1, .high = 10000, .initial = "1",
     .doc = "How many views exist; banks hold as many."},
    {.path = "data.augment.shift", INTEGER(data.view.shift), BOTH, .low = 0, .high = 256, .initial = "0",
     .doc = "Shift by up to this many pixels in each direction: a random crop after zero-padding by as many."},
    {.path = "data.augment.flip", FLAG(data.view.flip), BOTH, .initial = "false",
     .doc = "Mirror left and right with probability one half."},
    {.path = "data.augment.cutout", INTEGER(data.view.cutout), BOTH, .low = 0, .high = 65535, .initial = "0",
     .doc = "Side of a square, at a random place, in which the image is replaced by its mean; 0 = none."},
    {.path = "data.augment.teacher_view", CHOICE(data.teacher_view, NAMES("same", "clean")), DISTILL,
     .initial = "\"same\"",
     .doc = "Teachers answer for the view that the student sees, or for the clean image of it."},
    {.path = "data.augment.seed", INTEGER(data.view.seed), BOTH, .low = 0, .high = LYC__MOST_EXACT,
     .initial = "0", .doc = "Seed of the views; part of a bank's key."},

    {.path = "teachers", .type = &lyc__type_objects, DISTILL, .offset = AT(teachers),
     .count_offset = AT(teacher_count), .element_size = sizeof(lyc_teacher_options),
     .most = LYC_MAX_TEACHERS, .initial = "[]",
     .doc = "The frozen teachers; each has one source, `model` or `bank`."},
    {.path = "teachers[].name", .type = &lyc__type_label, DISTILL, .offset = IN_TEACHER(name),
     .doc = "What tables and bank files call this teacher; unique."},
    {.path = "teachers[].model", .type = &lyc__type_source, DISTILL, .initial = "null",
     .doc = "Source: a Lyceum model file."},
    {.path = "teachers[].bank", .type = &lyc__type_source, DISTILL, .initial = "null",
     .doc = "Source: recorded logits (a bank or a file of `lyceum eval --logits`)."},
    {.path = "teachers[].class_map", .type = &lyc__type_integers, DISTILL, .offset = IN_TEACHER(class_map),
     .count_offset = IN_TEACHER(class_map_count), .low = 0, .high = 32767, .least = 1, .most = 32768,
     .initial = "null", .doc = "Output j of the teacher is class j of this list; null = same order."},
    {.path = "teachers[].precision", .type = &lyc__type_choice, DISTILL, .offset = IN_TEACHER(precision),
     .names = NAMES("f32", "bf16"), .initial = "\"f32\"",
     .doc = "`model` only: what it is computed in. bf16 needs oneDNN and AVX-512; its error is measured and told."},
    {.path = "teachers[].delay_ms", .type = &lyc__type_milliseconds, DISTILL,
     .offset = IN_TEACHER(delay_seconds), .low = 0, .high = 3600000, .initial = "0",
     .doc = "Recorded logits only: wait so long before each answer, as a slow or remote teacher does."},

    {.path = "banks", GROUP, DISTILL, .doc = "Teacher outputs kept on disk, paid for once."},
    {.path = "banks.enabled", FLAG(banks.enabled), DISTILL, .initial = "true",
     .doc = "Keep and reuse teacher outputs; false = compute them again for every epoch."},
    {.path = "banks.directory", TEXT(banks.directory), DISTILL, .initial = "\"banks\"",
     .doc = "Where banks are kept."},
    {.path = "banks.look_ahead_mb", INTEGER(banks.look_ahead_mb), DISTILL, .low = 1, .high = 1048576,
     .initial = "64", .doc = "Memory (MiB) for teacher outputs computed ahead of the student."},

    NETWORK_ROWS("student", DISTILL),
    NETWORK_ROWS("network", TRAIN),

    {.path = "loss", GROUP, BOTH,
     .doc = "`distill`: alpha * cross-entropy + (1 - alpha) * sum of the terms; `train`: cross-entropy."},
    {.path = "loss.label_smoothing", NUMBER(loss.label_smoothing), BOTH, .low = 0, .high = 1, .below = true,
     .initial = "0", .doc = "Share of each label that is spread evenly over all classes, in training only."},
    {.path = "loss.alpha", NUMBER(loss.alpha), DISTILL, .low = 0, .high = 1, .initial = "0.1",
     .doc = "Weight of the labels."},
    {.path = "loss.temperature", NUMBER(loss.temperature), DISTILL, .low = 0, .high = 1000, .above = true,
     .initial = "4.0", .doc = "Temperature of the soft targets."},
    {.path = "loss.fusion", CHOICE(loss.fusion, NAMES("probability", "logit")), DISTILL,
     .initial = "\"probability\"", .doc = "Mix the teachers' probabilities, or their logits."},
    {.path = "loss.terms", .type = &lyc__type_objects_inline, DISTILL, .offset = AT(loss.terms),
     .count_offset = AT(loss.term_count), .element_size = sizeof(struct lyc_loss_term), .least = 1,
     .most = LYC_MAX_TERMS, .initial = "[{\"kind\": \"kd\", \"weight\": 1}]", .doc = "Distillation terms."},
    {.path = "loss.terms[].kind", .type = &lyc__type_choice_text, DISTILL, .offset = IN_TERM(kind),
     .names = NAMES("kd"), .doc = "Kind of term."},
    {.path = "loss.terms[].weight", .type = &lyc__type_number, DISTILL, .offset = IN_TERM(weight),
     .low = 0, .high = 1000000, .above = true, .initial = "1", .doc = "Weight of the term."},

    {.path = "agent", GROUP, DISTILL, .doc = "Who decides which teachers teach a batch, and how much."},
    {.path = "agent.strategy", CHOICE_TEXT(agent.strategy, STRATEGIES), DISTILL, .initial = "\"learned\"",
     .doc = "The learned agent or a fixed rule."},
    {.path = "agent.weights", .type = &lyc__type_numbers, DISTILL, .offset = AT(agent.weights),
     .count_offset = AT(agent.weight_count), .low = 0, .high = 1000000, .least = 1,
     .most = LYC_MAX_TEACHERS, .initial = "null",
     .doc = "`static` only: a weight for each teacher, in their order; scaled to sum to 1."},
    {.path = "agent.init", .type = &lyc__type_text_or_null, DISTILL, .offset = AT(agent.init), .initial = "null",
     .doc = "`learned`: a checkpoint, or a run directory, whose policy to go on from; null = begin afresh."},
    {.path = "agent.action", CHOICE(agent.action, NAMES("select", "weight", "select+weight")), DISTILL,
     .initial = "\"select\"", .doc = "What the policy decides."},
    {.path = "agent.teach", CHOICE(agent.teach, NAMES("mean", "greedy")), DISTILL, .initial = "\"mean\"",
     .doc = "What the student follows: the policy's mean weights, or its most probable choice."},
    {.path = "agent.granularity", CHOICE(agent.granularity, NAMES("batch", "instance")), DISTILL,
     .initial = "\"batch\"", .doc = "`learned`, `influence`: one decision for each batch, or for each of its samples."},
    {.path = "agent.network", CHOICE(agent.network, NAMES("shared", "logits")), DISTILL, .initial = "\"shared\"",
     .doc = "One small network scores every teacher by what the batch shows, or free logits, the same for every batch."},
    {.path = "agent.hidden", INTEGER(agent.hidden), DISTILL, .low = 1, .high = 4096, .initial = "32",
     .doc = "`shared`: width of the policy's hidden layer."},
    {.path = "agent.learning_rate", .type = &lyc__type_number_auto, DISTILL, .offset = AT(agent.learning_rate),
     .low = 0, .high = 10, .above = true, .initial = "null",
     .doc = "Learning rate of the policy (Adam), times the schedule of the student's; null = 0.02 for `shared`, 0.1 for `logits`."},
    {.path = "agent.entropy", NUMBER(agent.entropy), DISTILL, .low = 0, .high = 10, .initial = "0.01",
     .doc = "Weight of the entropy bonus, which keeps the policy undecided without evidence."},
    {.path = "agent.exploration_floor", NUMBER(agent.exploration_floor), DISTILL, .low = 0.0001, .high = 0.49,
     .initial = "0.04742587317756678",
     .doc = "Least probability of a teacher's selection, so that it is tried again; it bounds the policy's outputs, by default to +-3."},
    {.path = "agent.sigma", NUMBER(agent.sigma), DISTILL, .low = 0, .high = 10, .above = true,
     .initial = "0.5", .doc = "Deviation of the weight scores that the policy draws."},
    {.path = "agent.clip", NUMBER(agent.clip), DISTILL, .low = 0, .high = 1000, .above = true,
     .initial = "4", .doc = "Bound on a normalised difference of rewards."},
    {.path = "agent.warmup", NUMBER(agent.warmup), DISTILL, .low = 0, .high = 1, .initial = "0",
     .doc = "Share of the run in which all teachers teach alike; the policy learns from probes meanwhile, on policy it rests."},
    {.path = "agent.credit", GROUP, DISTILL, .doc = "How the effect of a decision is measured."},
    {.path = "agent.credit.kind", CHOICE(agent.credit.kind, NAMES("probe", "on_policy")), DISTILL,
     .initial = "\"probe\"",
     .doc = "Compare two decisions on clones of the student, or try one on the student."},
    {.path = "agent.credit.every", INTEGER_AUTO(agent.credit.every), DISTILL, .low = 1, .high = 1000000, .initial = "null",
     .doc = "`probe`: batches between two probes; `influence`: between two held-out gradients; null = 24, for probes per instance 16."},
    {.path = "agent.credit.steps", INTEGER_AUTO(agent.credit.steps), DISTILL, .low = 1, .high = 1024, .initial = "null",
     .doc = "Student steps between the two measurements of a reward; null = 16, for probes per instance 4."},
    {.path = "agent.credit.samples", INTEGER(agent.credit.samples), DISTILL, .low = 1, .high = 100000000,
     .initial = "2048", .doc = "Held-out samples that a reward, or a held-out gradient, is measured on."},
    {.path = "agent.credit.delay", .type = &lyc__type_integer_auto, DISTILL, .offset = AT(agent.credit.delay), .low = 0,
     .high = 1024, .initial = "null",
     .doc = "`probe`: batches that the student goes on with while a probe runs beside it, before the policy learns from it, at most `every`; null = `steps`, or `every` where that is less."},
    {.path = "agent.on_policy", GROUP, DISTILL, .doc = "How the student's improvement teaches the policy, with credit `on_policy`."},
    {.path = "agent.on_policy.algorithm", CHOICE(agent.on_policy.algorithm, NAMES("reinforce", "a2c", "ppo")), DISTILL,
     .initial = "\"reinforce\"",
     .doc = "All decisions of an interval alike, by how far its reward lies ahead, or that in several clipped passes."},
    {.path = "agent.on_policy.discount", NUMBER(agent.on_policy.discount), DISTILL, .low = 0, .high = 1,
     .initial = "0.99", .doc = "`a2c`, `ppo`: discount of a reward, for each batch before it."},
    {.path = "agent.on_policy.lambda", NUMBER(agent.on_policy.lambda), DISTILL, .low = 0, .high = 1,
     .initial = "0.95", .doc = "`a2c`, `ppo`: 1 trusts the reward, 0 the baseline (generalised advantages)."},
    {.path = "agent.on_policy.clip", NUMBER(agent.on_policy.clip), DISTILL, .low = 0, .high = 1, .above = true,
     .initial = "0.2", .doc = "`ppo`: how far from 1 the ratio of new to old probability is followed."},
    {.path = "agent.on_policy.epochs", INTEGER(agent.on_policy.epochs), DISTILL, .low = 1, .high = 100,
     .initial = "4", .doc = "`ppo`: passes over an interval."},
    {.path = "agent.reward", GROUP, DISTILL, .doc = "What counts as an improvement."},
    {.path = "agent.reward.kind", CHOICE(agent.reward.kind, NAMES("loss_improvement", "calibrated_improvement", "accuracy_improvement", "f1_improvement")),
     DISTILL, .initial = "\"calibrated_improvement\"",
     .doc = "Relative fall of the held-out cross-entropy, as it is or at its best temperature; or rise of the accuracy or of the macro F1."},
    {.path = "agent.reward.cost", NUMBER(agent.reward.cost), DISTILL, .low = 0, .high = 1000, .initial = "0",
     .doc = "Subtracted from a reward, times the share of the teachers that were selected."},

    {.path = "optimizer", GROUP, BOTH, .doc = "The optimiser, with PyTorch's meaning of each number."},
    {.path = "optimizer.kind", CHOICE_TEXT(optimizer.kind, NAMES("sgd", "adam", "adamw")), BOTH,
     .initial = "\"adamw\"", .doc = "Optimiser."},
    {.path = "optimizer.lr", NUMBER(learning_rate), BOTH, .low = 0, .high = 1000, .above = true,
     .initial = "0.001", .doc = "Learning rate before the schedule."},
    {.path = "optimizer.momentum", NUMBER(optimizer.momentum), BOTH, .low = 0, .high = 1, .below = true,
     .initial = "0.9", .doc = "`sgd`: momentum."},
    {.path = "optimizer.beta1", NUMBER(optimizer.beta1), BOTH, .low = 0, .high = 1, .below = true,
     .initial = "0.9", .doc = "`adam`, `adamw`: decay of the first moment."},
    {.path = "optimizer.beta2", NUMBER(optimizer.beta2), BOTH, .low = 0, .high = 1, .below = true,
     .initial = "0.999", .doc = "`adam`, `adamw`: decay of the second moment."},
    {.path = "optimizer.epsilon", NUMBER(optimizer.epsilon), BOTH, .low = 0, .high = 1, .above = true,
     .initial = "1e-8", .doc = "`adam`, `adamw`: added to the root of the second moment."},
    {.path = "optimizer.weight_decay", .type = &lyc__type_number_auto, BOTH,
     .offset = AT(optimizer.weight_decay), .low = 0, .high = 1000, .initial = "null",
     .doc = "Weight decay; null = 0.01 for `adamw`, else 0."},
    {.path = "optimizer.decay", CHOICE(optimizer.decay, NAMES("all", "weights")), BOTH, .initial = "\"all\"",
     .doc = "What decays: all parameters, or all but biases and norms."},
    {.path = "optimizer.nesterov", FLAG(optimizer.nesterov), BOTH, .initial = "false",
     .doc = "`sgd`: Nesterov's momentum."},
    {.path = "optimizer.clip_norm", NUMBER(optimizer.clip_norm), BOTH, .low = 0, .high = 1000000,
     .initial = "0", .doc = "Scale the gradient down to this norm when it is longer; 0 = never."},

    {.path = "schedule", GROUP, BOTH, .doc = "How the learning rate changes during the run."},
    {.path = "schedule.kind", CHOICE_TEXT(schedule.kind, NAMES("constant", "cosine", "linear", "step")), BOTH,
     .initial = "\"cosine\"", .doc = "Shape after the warm-up."},
    {.path = "schedule.warmup", NUMBER(schedule.warmup), BOTH, .low = 0, .high = 1, .below = true,
     .initial = "0.05", .doc = "Share of the steps in which the rate rises linearly."},
    {.path = "schedule.final", NUMBER(schedule.final), BOTH, .low = 0, .high = 1, .initial = "0",
     .doc = "`cosine`, `linear`: share of the rate that it falls towards."},
    {.path = "schedule.milestones", .type = &lyc__type_numbers, BOTH, .offset = AT(schedule.milestones),
     .count_offset = AT(schedule.milestone_count), .low = 0, .high = 1, .above = true, .below = true,
     .least = 1, .most = 64, .initial = "[0.5, 0.75]",
     .doc = "`step`: shares of the run at which the rate is multiplied by `gamma`."},
    {.path = "schedule.gamma", NUMBER(schedule.gamma), BOTH, .low = 0, .high = 1, .above = true,
     .initial = "0.1", .doc = "`step`: factor at each milestone."},

    {.path = "train", GROUP, BOTH, .doc = "The loop."},
    {.path = "train.epochs", INTEGER(train.epochs), BOTH, .low = 1, .high = 1000000, .initial = "10",
     .doc = "Passes over the training rows."},
    {.path = "train.batch", INTEGER(train.batch), BOTH, .low = 1, .high = 65536, .initial = "128",
     .doc = "Rows of a batch."},
    {.path = "train.seed", INTEGER(train.seed), BOTH, .low = 0, .high = LYC__MOST_EXACT, .initial = "1",
     .doc = "Seed of initialisation, order, dropout and the agent's draws; `--seed N`."},
    {.path = "train.checkpoint_every", INTEGER(train.checkpoint_every), BOTH, .low = 0, .high = LYC__MOST_EXACT,
     .initial = "0", .doc = "Steps between checkpoints; 0 = one at the end of each epoch."},
    {.path = "train.keep_checkpoints", INTEGER(train.keep_checkpoints), BOTH, .low = 0, .high = 1000000,
     .initial = "2", .doc = "Keep the newest so many checkpoints; 0 = all."},
    {.path = "train.select", CHOICE(train.select, NAMES("best", "last")), BOTH, .initial = "\"best\"",
     .doc = "Hand out the epoch that is best on the validation split, or the last."},
    {.path = "train.ema_decay", NUMBER(train.ema_decay), BOTH, .low = 0, .high = 1, .below = true,
     .initial = "0",
     .doc = "Keep a moving average of the parameters with this decay a step, and evaluate and hand out that; "
            "0 = none."},
};
/* clang-format on */
const size_t lyc__field_count = sizeof lyc__fields / sizeof *lyc__fields;

const char *lyc__field_key(const char *path, const char *parent) {
    size_t length = strlen(parent);
    if (strncmp(path, parent, length) != 0) return NULL;
    if (length > 0 && path[length] != '.') return NULL;
    const char *key = length > 0 ? path + length + 1 : path;
    return strpbrk(key, ".[") ? NULL : key;
}

const lyc__field *lyc__field_find(const char *path, lyc_config_command command) {
    char general[LYC__KEY_PATH_SIZE] = ""; /* without indices: "teachers[].name" */
    size_t size = 0;
    for (const char *p = path; *p && size + 1 < sizeof general; p++) {
        general[size++] = *p;
        if (*p == '[') p += strspn(p + 1, "0123456789");
    }
    for (size_t i = 0; i < lyc__field_count; i++)
        if (strcmp(lyc__fields[i].path, general) == 0 && (lyc__fields[i].commands & (1U << command)))
            return &lyc__fields[i];
    return NULL;
}

const char *lyc__command_name(lyc_config_command command) {
    static const char *const names[] = {[LYC_CONFIG_TRAIN] = "train", [LYC_CONFIG_DISTILL] = "distill"};
    return names[command];
}
