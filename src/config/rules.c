/* What holds between keys: one row a rule. A rule that completes a value stands before those that check it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/fields.h"

static bool same(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

static void fill_weight_decay(lyc_config *config, lyc__problems *problems) {
    (void)problems;
    if (isnan(config->optimizer.weight_decay))
        config->optimizer.weight_decay = same(config->optimizer.kind, "adamw") ? 0.01 : 0;
}

static void fill_agent_learning_rate(lyc_config *config, lyc__problems *problems) {
    (void)problems;
    if (isnan(config->agent.learning_rate))
        config->agent.learning_rate = config->agent.network == LYC_AGENT_LOGITS ? 0.1 : 0.02;
}

static void fill_credit(lyc_config *config, lyc__problems *problems) {
    (void)problems;
    lyc_agent_options *agent = &config->agent;
    const bool often = same(agent->strategy, "learned") && agent->granularity == LYC_GRANULARITY_INSTANCE &&
                       agent->credit.kind == LYC_CREDIT_PROBE;
    if (agent->credit.every == LYC__UNSET) agent->credit.every = often ? 16 : 24;
    if (agent->credit.steps == LYC__UNSET) agent->credit.steps = often ? 4 : 16;
}

static void check_fractions(lyc_config *config, lyc__problems *problems) {
    if (config->data.split.reward_fraction + config->data.split.valid_fraction >= 1)
        lyc__problem(problems, "data",
                     "reward_fraction and valid_fraction leave nothing to train on; lower one of them");
}

static bool looks_at_reward(const char *strategy) {
    static const char *const kinds[] = {"learned", "influence", "influence:last"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (same(strategy, kinds[i])) return true;
    return false;
}

static void check_train_on_reward(lyc_config *config, lyc__problems *problems) {
    if (config->data.split.train_on_reward && looks_at_reward(config->agent.strategy))
        lyc__problem(
            problems, "data.train_on_reward",
            "strategy \"%s\" measures its decisions on the reward split, which must be unseen; set it to "
            "false",
            config->agent.strategy);
}

static bool is_moving(const lyc_view_recipe *view) {
    return view->shift > 0 || view->flip || view->cutout > 0;
}

static void check_views_used(lyc_config *config, lyc__problems *problems) {
    const lyc_view_recipe *view = &config->data.view;
    if (view->views == 1 && is_moving(view))
        lyc__problem(problems, "data.augment",
                     "shift, flip and cutout have no effect with views 1; set views to 2 or more");
}

static void check_views_differ(lyc_config *config, lyc__problems *problems) {
    const lyc_view_recipe *view = &config->data.view;
    if (view->views > 1 && !is_moving(view))
        lyc__problem(problems, "data.augment",
                     "%d views would all be equal; set shift, flip or cutout, or views to 1", view->views);
}

static void check_teacher_view(lyc_config *config, lyc__problems *problems) {
    if (config->data.teacher_view == LYC_TEACHER_VIEW_CLEAN && config->data.view.views == 1)
        lyc__problem(problems, "data.augment.teacher_view",
                     "\"clean\" has no effect with views 1, where every view is; remove it");
}

/* Index of the first entry that stands in the list already, or `count`. */
static size_t first_repeated(const int32_t *list, size_t count) {
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (list[k] == list[i]) return i;
    return count;
}

static void check_distinct(const int32_t *list, size_t count, const char *path, lyc__problems *problems) {
    size_t index = first_repeated(list, count);
    if (index < count) lyc__problem(problems, path, "class %d is named twice", list[index]);
}

static void check_only_classes(lyc_config *config, lyc__problems *problems) {
    check_distinct(config->data.split.only_classes, config->data.split.only_class_count, "data.only_classes",
                   problems);
}

static void check_class_order(lyc_config *config, lyc__problems *problems) {
    const lyc_split_options *split = &config->data.split;
    bool permutation =
        first_repeated(split->class_order, split->class_order_count) == split->class_order_count;
    for (size_t i = 0; i < split->class_order_count; i++)
        permutation = permutation && (size_t)split->class_order[i] < split->class_order_count;
    if (!permutation)
        lyc__problem(problems, "data.class_order", "must name each class from 0 to %zu once",
                     split->class_order_count - 1);
}

static void check_class_maps(lyc_config *config, lyc__problems *problems) {
    for (size_t i = 0; i < config->teacher_count; i++) {
        char path[LYC__KEY_PATH_SIZE];
        snprintf(path, sizeof path, "teachers[%zu].class_map", i);
        check_distinct(config->teachers[i].class_map, config->teachers[i].class_map_count, path, problems);
    }
}

static void check_teacher_names(lyc_config *config, lyc__problems *problems) {
    for (size_t i = 1; i < config->teacher_count; i++)
        for (size_t k = 0; k < i; k++) {
            if (!same(config->teachers[i].name, config->teachers[k].name)) continue;
            char path[LYC__KEY_PATH_SIZE];
            snprintf(path, sizeof path, "teachers[%zu].name", i);
            lyc__problem(problems, path, "\"%s\" is the name of teachers[%zu] too; give each its own",
                         config->teachers[i].name, k);
            break;
        }
}

static void check_sources(lyc_config *config, lyc__problems *problems) {
    for (size_t i = 0; i < config->teacher_count; i++) {
        char path[LYC__KEY_PATH_SIZE];
        snprintf(path, sizeof path, "teachers[%zu]", i);
        if (!config->teachers[i].kind)
            lyc__problem(problems, path, "has no source; set \"model\" or \"bank\" to a file");
    }
}

static void check_delays(lyc_config *config, lyc__problems *problems) {
    for (size_t i = 0; i < config->teacher_count; i++) {
        const lyc_teacher_options *teacher = &config->teachers[i];
        char path[LYC__KEY_PATH_SIZE];
        snprintf(path, sizeof path, "teachers[%zu].delay_ms", i);
        if (teacher->delay_seconds > 0 && teacher->kind && !same(teacher->kind, "bank"))
            lyc__problem(problems, path, "only recorded logits (\"bank\") can be delayed; remove it");
    }
}

static void check_precisions(lyc_config *config, lyc__problems *problems) {
    for (size_t i = 0; i < config->teacher_count; i++) {
        const lyc_teacher_options *teacher = &config->teachers[i];
        char path[LYC__KEY_PATH_SIZE];
        snprintf(path, sizeof path, "teachers[%zu].precision", i);
        if (teacher->precision != LYC_PRECISION_F32 && teacher->kind && !same(teacher->kind, "model"))
            lyc__problem(problems, path, "recorded logits (\"bank\") are not computed; remove it");
    }
}

static void check_teachers_given(lyc_config *config, lyc__problems *problems) {
    if (config->teacher_count == 0 && !same(config->agent.strategy, "none"))
        lyc__problem(
            problems, "teachers",
            "is empty, but strategy \"%s\" needs a teacher; add one, or set agent.strategy to \"none\"",
            config->agent.strategy);
}

static void check_single(lyc_config *config, lyc__problems *problems) {
    static const char prefix[] = "single:";
    if (strncmp(config->agent.strategy, prefix, sizeof prefix - 1) != 0) return;
    const char *name = config->agent.strategy + sizeof prefix - 1;
    char known[256] = "";
    for (size_t i = 0; i < config->teacher_count; i++) {
        if (same(config->teachers[i].name, name)) return;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s\"%s\"", i ? ", " : "", config->teachers[i].name);
    }
    lyc__problem(problems, "agent.strategy", "no teacher is called \"%.60s\"; there are: %s", name, known);
}

static void check_static_count(lyc_config *config, lyc__problems *problems) {
    if (same(config->agent.strategy, "static") && config->agent.weight_count != config->teacher_count)
        lyc__problem(problems, "agent.weights",
                     "strategy \"static\" needs one weight for each of the %zu teachers, not %zu",
                     config->teacher_count, config->agent.weight_count);
}

static void check_static_sum(lyc_config *config, lyc__problems *problems) {
    double sum = 0;
    for (size_t i = 0; i < config->agent.weight_count; i++) sum += config->agent.weights[i];
    if (config->agent.weights && sum <= 0)
        lyc__problem(problems, "agent.weights", "are all 0; one must be positive");
}

static void check_weights_used(lyc_config *config, lyc__problems *problems) {
    if (config->agent.weights && !same(config->agent.strategy, "static"))
        lyc__problem(problems, "agent.weights", "are for strategy \"static\", not \"%s\"; remove them",
                     config->agent.strategy);
}

static void check_init(lyc_config *config, lyc__problems *problems) {
    if (config->agent.init && !same(config->agent.strategy, "learned"))
        lyc__problem(problems, "agent.init", "is for strategy \"learned\", not \"%.60s\"; remove it",
                     config->agent.strategy);
}

static void check_algorithm(lyc_config *config, lyc__problems *problems) {
    const lyc_agent_options *agent = &config->agent;
    if (same(agent->strategy, "learned") && agent->credit.kind == LYC_CREDIT_PROBE &&
        agent->on_policy.algorithm != LYC_ON_POLICY_REINFORCE)
        lyc__problem(problems, "agent.on_policy.algorithm",
                     "is for credit \"on_policy\"; remove it, or set agent.credit.kind to \"on_policy\"");
}

static void fill_delay(lyc_config *config, lyc__problems *problems) {
    (void)problems;
    const lyc_agent_options *agent = &config->agent;
    if (agent->credit.delay == LYC__UNSET)
        config->agent.credit.delay = agent->credit.steps < agent->credit.every ? agent->credit.steps : agent->credit.every;
}

static void check_delay(lyc_config *config, lyc__problems *problems) {
    const lyc_agent_options *agent = &config->agent;
    if (agent->credit.kind == LYC_CREDIT_PROBE && agent->credit.delay > agent->credit.every)
        lyc__problem(problems, "agent.credit.delay",
                     "%d is more than agent.credit.every, %d: the next probe would begin before this one has taught; "
                     "lower it",
                     agent->credit.delay, agent->credit.every);
}

static void check_cost(lyc_config *config, lyc__problems *problems) {
    if (config->agent.reward.cost > 0 && config->agent.action == LYC_ACTION_WEIGHT)
        lyc__problem(
            problems, "agent.reward.cost",
            "is for teachers that are selected, but action \"weight\" selects all of them; remove it, or "
            "set agent.action to \"select\" or \"select+weight\"");
}

static void check_alpha(lyc_config *config, lyc__problems *problems) {
    if (config->loss.alpha >= 1 && !same(config->agent.strategy, "none"))
        lyc__problem(problems, "loss.alpha",
                     "1 leaves the teachers no weight; lower it, or set agent.strategy to \"none\"");
}

static void check_terms(lyc_config *config, lyc__problems *problems) {
    for (size_t i = 1; i < config->loss.term_count; i++)
        for (size_t k = 0; k < i; k++)
            if (same(config->loss.terms[i].kind, config->loss.terms[k].kind)) {
                lyc__problem(problems, "loss.terms", "term \"%s\" is given twice; add up the weights",
                             config->loss.terms[i].kind);
                return;
            }
}

static void check_hidden(lyc_config *config, lyc__problems *problems) {
    const char *key = config->command == LYC_CONFIG_TRAIN ? "network.hidden" : "student.hidden";
    if (config->network.hidden_count > 0 && !same(config->network.arch, "mlp"))
        lyc__problem(problems, key, "\"%s\" has widths of its own; remove it, or set arch to \"mlp\"",
                     config->network.arch);
}

static void check_nesterov(lyc_config *config, lyc__problems *problems) {
    const lyc_optimizer_options *optimizer = &config->optimizer;
    if (optimizer->nesterov && (!same(optimizer->kind, "sgd") || optimizer->momentum == 0))
        lyc__problem(problems, "optimizer.nesterov", "is for \"sgd\" with a momentum above 0; remove it");
}

static void refuse_inert(lyc__problems *problems, const char *path, bool is_set, const char *kinds, const char *kind) {
    if (is_set) lyc__problem(problems, path, "is for %s, not \"%s\"; remove it", kinds, kind);
}

/* A number that is the default may stand: resolved configurations hold them all. */
static void check_optimizer_keys(lyc_config *config, lyc__problems *problems) {
    static const char adaptive[] = "\"adam\" and \"adamw\"";
    const lyc_optimizer_options *o = &config->optimizer;
    if (!same(o->kind, "sgd")) {
        refuse_inert(problems, "optimizer.momentum", o->momentum != 0.9, "\"sgd\"", o->kind);
        return;
    }
    refuse_inert(problems, "optimizer.beta1", o->beta1 != 0.9, adaptive, o->kind);
    refuse_inert(problems, "optimizer.beta2", o->beta2 != 0.999, adaptive, o->kind);
    refuse_inert(problems, "optimizer.epsilon", o->epsilon != 1e-8, adaptive, o->kind);
}

static bool are_default_milestones(const lyc_schedule_options *s) {
    return s->milestone_count == 2 && s->milestones[0] == 0.5 && s->milestones[1] == 0.75;
}

static void check_schedule_keys(lyc_config *config, lyc__problems *problems) {
    const lyc_schedule_options *s = &config->schedule;
    const bool steps = same(s->kind, "step"), falls = same(s->kind, "cosine") || same(s->kind, "linear");
    refuse_inert(problems, "schedule.final", !falls && s->final != 0, "\"cosine\" and \"linear\"", s->kind);
    refuse_inert(problems, "schedule.gamma", !steps && s->gamma != 0.1, "\"step\"", s->kind);
    refuse_inert(problems, "schedule.milestones", !steps && s->milestones && !are_default_milestones(s), "\"step\"",
                 s->kind);
}

static void check_milestones(lyc_config *config, lyc__problems *problems) {
    const lyc_schedule_options *schedule = &config->schedule;
    if (!same(schedule->kind, "step")) return;
    if (!schedule->milestones) {
        lyc__problem(problems, "schedule.milestones", "is null, but schedule \"step\" needs one or more");
        return;
    }
    for (size_t i = 0; i < schedule->milestone_count; i++) {
        const double now = schedule->milestones[i];
        if (i == 0 ? now >= schedule->warmup : now > schedule->milestones[i - 1]) continue;
        lyc__problem(problems, "schedule.milestones",
                     "%g is out of place: they ascend, and follow the warm-up (%g)", now, schedule->warmup);
        return;
    }
}

static void check_layers(lyc_config *config, lyc__problems *problems) {
    const bool train = config->command == LYC_CONFIG_TRAIN;
    const lyc_network_spec *spec = &config->network;
    if (!spec->arch) return; /* it has a problem of its own */
    const bool resnet = same(spec->arch, "resnet");
    if (spec->depth != 0 && !resnet)
        lyc__problem(problems, train ? "network.depth" : "student.depth",
                     "is for arch \"resnet\", not \"%s\"; remove it", spec->arch);
    else if (spec->depth != 0 && (spec->depth < 8 || spec->depth % 6 != 2))
        lyc__problem(problems, train ? "network.depth" : "student.depth",
                     "is %d, not 6 n + 2: 8, 14, 20, 32, 44, 56, ...", spec->depth);
    if (spec->shortcut != LYC_SHORTCUT_PAD && !resnet)
        lyc__problem(problems, train ? "network.shortcut" : "student.shortcut",
                     "is for arch \"resnet\", not \"%s\"; remove it", spec->arch);
    if (spec->block_count > 0 && !same(spec->arch, "convnet"))
        lyc__problem(problems, train ? "network.blocks" : "student.blocks",
                     "are for arch \"convnet\", not \"%s\"; remove them", spec->arch);
    for (size_t i = 0; i < spec->block_count; i++)
        if (spec->blocks[i].kernel % 2 == 0)
            lyc__problem(problems, train ? "network.blocks" : "student.blocks",
                         "block %zu has a kernel of %d; only odd ones keep the size", i + 1,
                         spec->blocks[i].kernel);
}

/* clang-format off */
const lyc__rule lyc__rules[] = {
    {{"optimizer"}, LYC__FOR_BOTH, fill_weight_decay,
     "`optimizer.weight_decay` null becomes 0.01 for `adamw` and 0 for the others."},
    {{"agent"}, LYC__FOR_DISTILL, fill_agent_learning_rate,
     "`agent.learning_rate` null becomes 0.02 for `agent.network` \"shared\" and 0.1 for \"logits\"."},
    {{"agent"}, LYC__FOR_DISTILL, fill_credit,
     "`agent.credit.every` and `steps` null become 24 and 16; with strategy `learned`, `agent.granularity` \"instance\" and "
     "credit \"probe\" 16 and 4."},
    {{"data.reward_fraction", "data.valid_fraction"}, LYC__FOR_BOTH, check_fractions,
     "`data.reward_fraction` and `data.valid_fraction` together stay under 1."},
    {{"data.train_on_reward", "agent.strategy"}, LYC__FOR_DISTILL, check_train_on_reward,
     "`data.train_on_reward` is for strategies that measure nothing on the reward split."},
    {{"data.augment"}, LYC__FOR_BOTH, check_views_used,
     "`data.augment.shift`, `flip` and `cutout` need at least 2 `data.augment.views`."},
    {{"data.augment"}, LYC__FOR_BOTH, check_views_differ,
     "More than one view needs `data.augment.shift`, `flip` or `cutout`."},
    {{"data.only_classes"}, LYC__FOR_BOTH, check_only_classes, "`data.only_classes` names each class once."},
    {{"data.class_order"}, LYC__FOR_BOTH, check_class_order, "`data.class_order` names each class once, from 0 on."},
    {{"student", "network"}, LYC__FOR_BOTH, check_hidden,
     "`student.hidden` and `network.hidden` are for architecture `mlp`."},
    {{"student", "network"}, LYC__FOR_BOTH, check_layers,
     "`depth` (6 n + 2) and `shortcut` are for architecture `resnet`, `blocks` with odd kernels for `convnet`."},
    {{"data.augment"}, LYC__FOR_DISTILL, check_teacher_view,
     "`data.augment.teacher_view` \"clean\" needs at least 2 `data.augment.views`."},
    {{"teachers"}, LYC__FOR_DISTILL, check_teacher_names, "Names of teachers are unique."},
    {{"teachers"}, LYC__FOR_DISTILL, check_sources, "A teacher has exactly one source, `model` or `bank`."},
    {{"teachers"}, LYC__FOR_DISTILL, check_class_maps, "A teacher's `class_map` names each class once."},
    {{"teachers"}, LYC__FOR_DISTILL, check_delays, "`teachers[].delay_ms` is for recorded logits (`bank`)."},
    {{"teachers"}, LYC__FOR_DISTILL, check_precisions, "`teachers[].precision` is for models (`model`)."},
    {{"teachers", "agent.strategy"}, LYC__FOR_DISTILL, check_teachers_given,
     "Every strategy but `none` needs a teacher."},
    {{"teachers", "agent.strategy"}, LYC__FOR_DISTILL, check_single,
     "Strategy `single:<teacher>` names one of the teachers."},
    {{"teachers", "agent.strategy", "agent.weights"}, LYC__FOR_DISTILL, check_static_count,
     "Strategy `static` needs `agent.weights`, one for each teacher."},
    {{"agent.weights"}, LYC__FOR_DISTILL, check_static_sum, "One of `agent.weights` is positive."},
    {{"agent.strategy", "agent.weights"}, LYC__FOR_DISTILL, check_weights_used,
     "`agent.weights` is for strategy `static`."},
    {{"agent"}, LYC__FOR_DISTILL, check_init, "`agent.init` is for strategy `learned`."},
    {{"agent"}, LYC__FOR_DISTILL, check_algorithm,
     "`agent.on_policy.algorithm` \"a2c\" and \"ppo\" need `agent.credit.kind` \"on_policy\"."},
    {{"agent"}, LYC__FOR_DISTILL, fill_delay,
     "`agent.credit.delay` null becomes `agent.credit.steps`, or `agent.credit.every` where that is less."},
    {{"agent"}, LYC__FOR_DISTILL, check_delay, "`agent.credit.delay` is at most `agent.credit.every`."},
    {{"agent"}, LYC__FOR_DISTILL, check_cost, "`agent.reward.cost` is for an `agent.action` that selects."},
    {{"loss.alpha", "agent.strategy"}, LYC__FOR_DISTILL, check_alpha, "`loss.alpha` 1 is for strategy `none`."},
    {{"loss.terms"}, LYC__FOR_DISTILL, check_terms, "`loss.terms` has each kind once."},
    {{"optimizer"}, LYC__FOR_BOTH, check_nesterov, "`optimizer.nesterov` is for `sgd` with `optimizer.momentum` above 0."},
    {{"optimizer"}, LYC__FOR_BOTH, check_optimizer_keys,
     "`optimizer.momentum` is for `sgd`, `optimizer.beta1`, `beta2` and `epsilon` are for `adam` and `adamw`."},
    {{"schedule"}, LYC__FOR_BOTH, check_schedule_keys,
     "`schedule.final` is for `cosine` and `linear`, `schedule.milestones` and `gamma` are for `step`."},
    {{"schedule"}, LYC__FOR_BOTH, check_milestones,
     "Schedule `step` needs `schedule.milestones`, ascending, none of them in the warm-up."},
};
/* clang-format on */
const size_t lyc__rule_count = sizeof lyc__rules / sizeof *lyc__rules;
