/* Everything at once. Each header can also be included alone. */
#ifndef LYCEUM_LYCEUM_H
#define LYCEUM_LYCEUM_H

#include "lyceum/ablation.h"
#include "lyceum/agent.h"
#include "lyceum/blas.h"
#include "lyceum/checkpoint.h"
#include "lyceum/config.h"
#include "lyceum/dataset.h"
#include "lyceum/distill.h"
#include "lyceum/error.h"
#include "lyceum/export.h"
#include "lyceum/import.h"
#include "lyceum/inspect.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "lyceum/metrics.h"
#include "lyceum/model.h"
#include "lyceum/network.h"
#include "lyceum/plant.h"
#include "lyceum/pool.h"
#include "lyceum/random.h"
#include "lyceum/run_layout.h"
#include "lyceum/runfile.h"
#include "lyceum/student.h"
#include "lyceum/teacher.h"
#include "lyceum/version.h"

#endif
