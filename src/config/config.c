#include <cjson/cJSON.h>
#include <string.h>

#include "config/fields.h"
#include "config/tree.h"

#define CHUNK ((size_t)16 * 1024)

static void apply_rules(lyc_config *config, lyc__problems *problems) {
    for (size_t i = 0; i < lyc__rule_count; i++) {
        const lyc__rule *rule = &lyc__rules[i];
        bool runs = (rule->commands >> config->command) & 1U;
        for (size_t k = 0; k < sizeof rule->reads / sizeof *rule->reads && rule->reads[k]; k++)
            runs = runs && !lyc__problems_touch(problems, rule->reads[k]);
        if (runs) rule->check(config, problems);
    }
}

static lyc_status build(lyc_config **out, lyc_config_command command, cJSON *tree, const char *origin,
                        const char *const *sets, size_t set_count, lyc__problems *problems, lyc_error *err) {
    lyc_arena *arena = NULL;
    LYC_TRY(lyc_arena_create(&arena, CHUNK, err));
    lyc_config *config = lyc_arena_alloc(arena, 1, sizeof *config);
    if (config) {
        config->command = command;
        config->memory = arena;
        lyc__reader reader = {.command = command, .arena = arena, .problems = problems};
        if (!cJSON_IsObject(tree)) lyc__problem(problems, "", "a configuration is an object: { ... }");
        for (size_t i = 0; i < set_count && cJSON_IsObject(tree); i++)
            lyc__tree_set(tree, sets[i], command, problems);
        if (cJSON_IsObject(tree)) lyc__read_object(&reader, "", "", tree, config);
        if (cJSON_IsObject(tree) && !problems->out_of_memory) apply_rules(config, problems);
    } else {
        problems->out_of_memory = true;
    }
    lyc_status status = lyc__problems_report(problems, origin, err);
    if (status == LYC_OK) *out = config;
    else lyc_arena_destroy(arena);
    return status;
}

/* Takes the tree. */
static lyc_status take_tree(lyc_config **out, lyc_config_command command, cJSON *tree, const char *origin,
                            const char *const *sets, size_t set_count, lyc_error *err) {
    lyc__problems *problems = NULL;
    lyc_status status = lyc_allocate((void **)&problems, 1, sizeof *problems, "the list of problems", err);
    if (status == LYC_OK) status = build(out, command, tree, origin, sets, set_count, problems, err);
    lyc_free(problems);
    cJSON_Delete(tree);
    return status;
}

lyc_status lyc_config_parse(lyc_config **out, lyc_config_command command, const char *text,
                            const char *origin, const char *const *sets, size_t set_count, lyc_error *err) {
    *out = NULL;
    cJSON *tree = NULL;
    LYC_TRY(lyc__tree_parse(&tree, text, strlen(text), origin, err));
    return take_tree(out, command, tree, origin, sets, set_count, err);
}

lyc_status lyc_config_load(lyc_config **out, lyc_config_command command, const char *path,
                           const char *const *sets, size_t set_count, lyc_error *err) {
    *out = NULL;
    cJSON *tree = NULL;
    LYC_TRY(lyc__tree_load(&tree, path, err));
    return take_tree(out, command, tree, path, sets, set_count, err);
}

void lyc_config_destroy(lyc_config *config) {
    if (config) lyc_arena_destroy(config->memory);
}

lyc_status lyc_config_resolved(const lyc_config *config, char **out, lyc_error *err) {
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__json_object(&json, NULL);
    lyc__write_object("", 1U << config->command, config, &json);
    lyc__json_end(&json);
    return lyc__json_finish(&json, out, err);
}
