/* Data sets written by users with h5py: the types of PyTorch, and as little as can be left out
 * (tests/golden/data_goldens.py). */
#include <math.h>

#include "tests/unit/data/fixture.h"

static const lyc_view_recipe clean = {.views = 1};

static lyc_dataset *open_golden(const char *name) {
    char path[512];
    lyc_dataset *data = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", LYC_TEST_DATA, name);
    assert_ok(lyc_dataset_open(&data, path, &failure));
    return data;
}

static void assert_shape(const lyc_dataset *data, int channels, int height, int width) {
    int is[3];
    lyc_dataset_shape(data, &is[0], &is[1], &is[2]);
    assert_int_equal(is[0], channels);
    assert_int_equal(is[1], height);
    assert_int_equal(is[2], width);
}

static float pixel(size_t position) {
    return (float)(7 * position % 256);
}

static void test_types_of_pytorch(void **state) {
    (void)state;
    static const int32_t labels[] = {0, 1, 2, -1, 1, 0};
    static const uint8_t parts[] = {0, 0, 0, 0, 1, 1};
    static const uint64_t ids[] = {40, 30, 20, 10, (UINT64_C(1) << 63) + 5, 0};
    lyc_dataset *data = open_golden("data_pytorch.h5");
    assert_shape(data, 2, 3, 4);
    assert_int_equal(lyc_dataset_rows(data), 6);
    assert_int_equal(lyc_dataset_classes(data), 3);
    assert_string_equal(lyc_dataset_class_name(data, 0), "cat");
    assert_string_equal(lyc_dataset_class_name(data, 2), "größer");
    assert_memory_equal(lyc_dataset_labels(data), labels, sizeof labels);
    assert_memory_equal(lyc_dataset_parts(data), parts, sizeof parts);
    assert_memory_equal(lyc_dataset_ids(data), ids, sizeof ids);
    assert_true(lyc_dataset_mean(data)[1] == 0.25f && lyc_dataset_std(data)[1] == 0.125f);
    assert_int_equal(strlen(lyc_dataset_fingerprint(data)), 32);

    /* NCHW in the file, NHWC out */
    lyc_preprocess raw = {.channels = 2, .std = {1.0f / 255, 1.0f / 255}};
    uint32_t rows[] = {4};
    float out[24];
    lyc_dataset_fill(data, &raw, &clean, 0, rows, 1, out);
    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < 12; i++) assert_float_equal(out[2 * i + c], pixel(4 * 24 + c * 12 + i), 1e-4);
    lyc_dataset_close(data);
}

static void test_features_and_nothing_else(void **state) {
    (void)state;
    static const int32_t labels[] = {3, 0, 1, 1, 2};
    lyc_dataset *data = open_golden("data_features.h5");
    assert_shape(data, 1, 1, 6);
    assert_int_equal(lyc_dataset_classes(data), 4); /* as many as the labels show */
    assert_string_equal(lyc_dataset_class_name(data, 3), "3");
    assert_memory_equal(lyc_dataset_labels(data), labels, sizeof labels);
    for (size_t row = 0; row < 5; row++) {
        assert_int_equal(lyc_dataset_parts(data)[row], 0);
        assert_int_equal(lyc_dataset_ids(data)[row], row);
    }

    double sum = 0, square = 0;
    for (size_t i = 0; i < 30; i++) {
        double value = (double)pixel(i) / 256;
        sum += value;
        square += value * value;
    }
    double mean = sum / 30;
    assert_float_equal(lyc_dataset_mean(data)[0], (float)mean, 1e-6);
    assert_float_equal(lyc_dataset_std(data)[0], (float)sqrt(square / 30 - mean * mean), 1e-6);

    lyc_preprocess raw = {.channels = 1, .std = {1}};
    uint32_t rows[] = {3, 0};
    float out[12];
    lyc_dataset_fill(data, &raw, &clean, 0, rows, 2, out);
    for (size_t i = 0; i < 6; i++) {
        assert_true(out[i] == pixel(18 + i) / 256);
        assert_true(out[6 + i] == pixel(i) / 256);
    }
    lyc_dataset_close(data);
}

static void test_compressed_images_without_labels(void **state) {
    (void)state;
    lyc_dataset *data = open_golden("data_unlabelled.h5");
    assert_shape(data, 1, 5, 5);
    assert_int_equal(lyc_dataset_classes(data), 2);
    assert_string_equal(lyc_dataset_class_name(data, 0), "a");
    assert_string_equal(lyc_dataset_class_name(data, 1), "bc");
    for (size_t row = 0; row < 4; row++) assert_int_equal(lyc_dataset_labels(data)[row], LYC_UNLABELLED);
    lyc_preprocess raw = {.channels = 1, .std = {1.0f / 255}};
    uint32_t rows[] = {3};
    float out[25];
    lyc_dataset_fill(data, &raw, &clean, 0, rows, 1, out);
    for (size_t i = 0; i < 25; i++) assert_float_equal(out[i], pixel(75 + i), 1e-4);
    lyc_dataset_close(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_of_pytorch),
        cmocka_unit_test(test_features_and_nothing_else),
        cmocka_unit_test(test_compressed_images_without_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
