/* The table of architectures. */
#include "nn/arch.h"

#include <string.h>

static const lyc__arch *const table[] = {&lyc__arch_mlp, &lyc__arch_lenet5, &lyc__arch_resnet,
                                         &lyc__arch_convnet};

const lyc__arch *lyc__arch_at(size_t index) {
    return index < sizeof table / sizeof *table ? table[index] : NULL;
}

const lyc__arch *lyc__arch_named(const char *name) {
    for (size_t i = 0; name != NULL && i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i]->name, name) == 0) return table[i];
    return NULL;
}

const char *lyc_network_arch_name(size_t index) {
    const lyc__arch *arch = lyc__arch_at(index);
    return arch != NULL ? arch->name : NULL;
}

const char *lyc_network_arch_doc(size_t index) {
    const lyc__arch *arch = lyc__arch_at(index);
    return arch != NULL ? arch->doc : NULL;
}
