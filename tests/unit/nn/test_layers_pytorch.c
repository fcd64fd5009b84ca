/* The layers of convolutional networks, forward and backward, against PyTorch (nn_layers.bin). */
#include "pytorch.h"

static shape_case conv2d_case(const float *spec) {
    shape_case c = {{.outputs = number(spec, 4)}, {image_of(spec)}};
    read_window(spec + 5, &c.attributes);
    c.attributes.dilation[0] = number(spec, 11);
    c.attributes.dilation[1] = number(spec, 12);
    c.attributes.groups = number(spec, 13);
    c.attributes.without_bias = spec[14] == 0;
    return c;
}

static void conv2d(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_conv2d, conv2d_case, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
