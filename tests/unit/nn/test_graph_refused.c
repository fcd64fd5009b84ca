/* Graphs that cannot be: each is refused with the layer and the reason. */
#include "harness.h"

#include "nn/graph.h"

static void assert_refused_on(lyc__shape input, int (*body)(lyc__graph *graph), lyc_status code,
                              const char *message) {
    lyc_error err = {0};
    lyc__graph *graph = NULL;
    assert_int_equal(lyc__graph_create(&graph, input, &err), LYC_OK);
    assert_int_equal(lyc__graph_finish(graph, body(graph), &err), code);
    if (strstr(err.message, message) == NULL) fail_msg("\"%s\" lacks \"%s\"", err.message, message);
    lyc__graph_destroy(graph);
}

static void assert_refused(int (*body)(lyc__graph *graph), lyc_status code, const char *message) {
    assert_refused_on(lyc__image(4, 4, 2), body, code, message);
}

static int image_into_linear(lyc__graph *graph) {
    return lyc__relu(graph, lyc__linear(graph, 0, "fc7", 3));
}

static int large_kernel(lyc__graph *graph) {
    return lyc__conv2d(graph, lyc__conv2d(graph, 0, "first", 3, 3, 1, 0), "second", 3, 5, 1, 1);
}

static int different_shapes(lyc__graph *graph) {
    const int x = lyc__flatten(graph, 0);
    return lyc__add(graph, lyc__linear(graph, x, "a", 3), lyc__linear(graph, x, "b", 4));
}

static int dead_end(lyc__graph *graph) {
    const int x = lyc__flatten(graph, 0);
    (void)lyc__linear(graph, x, "lost", 3);
    return lyc__linear(graph, x, "b", 4);
}

static int image_output(lyc__graph *graph) {
    return lyc__relu(graph, 0);
}

static int learned_target(lyc__graph *graph) {
    const int x = lyc__linear(graph, lyc__flatten(graph, 0), "a", 3);
    const int inputs[] = {x, x};
    return lyc__graph_add(graph, &lyc__op_kl, NULL, &(lyc__attributes){.temperature = 1}, inputs, 2);
}

static int huge(lyc__graph *graph) {
    return lyc__linear(graph, lyc__flatten(graph, 0), "fc", (size_t)1 << 27);
}

static int too_many_parameters(lyc__graph *graph) {
    int x = lyc__flatten(graph, 0);
    x = lyc__linear(graph, x, "a", (size_t)1 << 16);
    return lyc__linear(graph, x, "b", (size_t)1 << 16);
}

static int beyond_memory(lyc__graph *graph) {
    return lyc__linear(graph, lyc__flatten(graph, 0), "fc", (size_t)1 << 60);
}

static int five_parts(lyc__graph *graph) {
    const int parts[] = {0, 0, 0, 0, 0};
    return lyc__flatten(graph, lyc__concatenate(graph, parts, 5));
}

static int no_parts(lyc__graph *graph) {
    return lyc__concatenate(graph, NULL, 0);
}

static int uneven_parts(lyc__graph *graph) {
    const int parts[] = {0, lyc__max_pool(graph, 0, 2)};
    return lyc__flatten(graph, lyc__concatenate(graph, parts, 2));
}

static int flat_parts(lyc__graph *graph) {
    const int parts[] = {lyc__flatten(graph, 0), lyc__flatten(graph, 0)};
    return lyc__linear(graph, lyc__concatenate(graph, parts, 2), "a", 4);
}

static int flat_norm(lyc__graph *graph) {
    return lyc__linear(graph, lyc__layer_norm(graph, lyc__flatten(graph, 0), "norm"), "a", 4);
}

static int embedded_image(lyc__graph *graph) {
    return lyc__embedding(graph, 0, "words", 7, 6, NULL);
}

static int no_embedding(lyc__graph *graph) {
    return lyc__linear(graph, 0, "a", 4);
}

static int unknown_padding(lyc__graph *graph) {
    return lyc__embedding(graph, 0, "words", 7, 4, &(int32_t){7});
}

static int endless_table(lyc__graph *graph) {
    return lyc__embedding(graph, 0, "words", INT32_MAX, (size_t)1 << 40, NULL);
}

static void wrong_graphs(void **state) {
    (void)state;
    assert_refused(image_into_linear, LYC_ECONFIG,
                   "layer fc7: the input is an image; put a flatten in front");
    assert_refused(large_kernel, LYC_ECONFIG, "layer second: a kernel of 5 does not fit an image side of 2");
    assert_refused(different_shapes, LYC_ECONFIG, "the two inputs have different shapes");
    assert_refused(dead_end, LYC_EINTERNAL, "layer lost leads nowhere");
    assert_refused(image_output, LYC_EINTERNAL, "must be a row of features");
    assert_refused(learned_target, LYC_EINTERNAL, "kl has no gradient in its input 1");
    assert_refused(huge, LYC_ECONFIG, "the output has no elements, or more than");
    assert_refused(too_many_parameters, LYC_ECONFIG, "more than 2147483648 parameters");
    assert_refused(beyond_memory, LYC_ECONFIG, "more than memory can hold");
    assert_refused(five_parts, LYC_EINTERNAL, "5 inputs where concatenate takes 1 to 4");
    assert_refused(no_parts, LYC_EINTERNAL, "0 inputs where concatenate takes 1 to 4");
    assert_refused(uneven_parts, LYC_ECONFIG, "inputs 0 and 1 differ in more than their features");
    assert_refused(flat_parts, LYC_ECONFIG,
                   "input 0 is a flattened image; concatenate in front of the flatten");
    assert_refused(flat_norm, LYC_ECONFIG, "layer norm: the input is a flattened image");
    assert_refused(embedded_image, LYC_ECONFIG, "layer words: input 0 holds numbers, not ids");
    assert_refused_on(lyc__ids(2), no_embedding, LYC_ECONFIG,
                      "input 0 holds ids, not numbers; put an embedding");
    assert_refused_on(lyc__ids(1), unknown_padding, LYC_ECONFIG, "padding id 7 is none of the 7 entries");
    assert_refused_on(lyc__ids(1), endless_table, LYC_ECONFIG, "more than memory can hold");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(wrong_graphs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
