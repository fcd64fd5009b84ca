/* Fork-join jobs on a fixed set of threads.
 *
 * A job lives on the stack of the thread that runs it and is linked into one list per priority. The
 * lists, the visitors' comings and goings and the clocks are under one mutex, which is held for a few
 * instructions; items are claimed without it, by an atomic counter. A job is over when no item is left
 * to claim (it is unlinked then) and nobody visits it any more. A thread with nothing to do first spins
 * for a while, because a training step has several parallel regions and waking a sleeping thread takes
 * longer than such a region; then it sleeps. */
#include "lyceum/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lyceum/log.h"
#include "lyceum/memory.h"

enum { MOST_THREADS = 1024, CHECKS_PER_CLOCK = 32 };

/* Covers the serial stretch between two parallel regions of a step, and is too short to be a load. */
static const double spin_seconds = 100e-6;

typedef struct job {
    lyc_pool_fn fn;
    void *payload;
    size_t count;
    lyc_priority priority;
    struct job *next;    /* this and the next three: under the mutex */
    bool linked;         /* in a list, where threads can find it */
    bool sleeper;        /* its thread sleeps on pool->finished */
    bool background;     /* its thread may sleep in lyc_pool_wait */
    atomic_int visitors; /* pool threads, besides its own, that may touch it; read without the mutex */
    _Alignas(LYC_ALIGNMENT) atomic_size_t claimed; /* items handed out; may exceed count */
} job;

typedef struct slot {
    _Alignas(LYC_ALIGNMENT) lyc_pool *pool;
    pthread_t thread;
    int index;
    int depth;      /* items of this pool on its stack; its own thread only */
    bool working;   /* under the mutex, as the next two */
    double entered; /* when it began to work, or the last reset */
    double busy;    /* seconds of work before that */
} slot;

struct lyc_pool {
    pthread_mutex_t lock;
    pthread_cond_t work;     /* new jobs, notifications, the end */
    pthread_cond_t finished; /* the last visitor left a job */
    job *first[LYC_PRIORITY_COUNT], *last[LYC_PRIORITY_COUNT];
    int sleepers; /* threads waiting on `work` */
    bool ending;
    double reset_at;
    int threads;
    bool spins;
    slot *slots;
    _Alignas(LYC_ALIGNMENT) atomic_uint generation; /* changes with every new job and notification */
    atomic_uint waiting; /* bit p: a job of priority p is linked; a hint, read without the mutex */
};

static _Thread_local slot *worker_slot;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* The slot of the calling thread, or NULL for a foreign one. */
static slot *own_slot(lyc_pool *pool) {
    if (worker_slot != NULL && worker_slot->pool == pool) return worker_slot;
    return pthread_equal(pthread_self(), pool->slots[0].thread) ? &pool->slots[0] : NULL;
}

/* ---- lists and clocks: the mutex is held ------------------------------------------------------ */

static void link_job(lyc_pool *pool, job *task) {
    lyc_priority p = task->priority;
    if (pool->last[p] != NULL) pool->last[p]->next = task;
    else pool->first[p] = task;
    pool->last[p] = task;
    task->linked = true;
    atomic_fetch_or_explicit(&pool->waiting, 1U << p, memory_order_relaxed);
}

static void unlink_job(lyc_pool *pool, job *task) {
    lyc_priority p = task->priority;
    job *before = NULL;
    for (job *here = pool->first[p]; here != task; here = here->next) before = here;
    if (before != NULL) before->next = task->next;
    else pool->first[p] = task->next;
    if (pool->last[p] == task) pool->last[p] = before;
    task->linked = false;
    if (pool->first[p] == NULL) atomic_fetch_and_explicit(&pool->waiting, ~(1U << p), memory_order_relaxed);
}

static bool exhausted(job *task) {
    return atomic_load_explicit(&task->claimed, memory_order_relaxed) >= task->count;
}

/* The first job with an unclaimed item whose priority is more urgent than `limit`, or NULL. */
static job *most_urgent(lyc_pool *pool, int limit) {
    for (int p = 0; p < limit; p++) {
        while (pool->first[p] != NULL && exhausted(pool->first[p])) unlink_job(pool, pool->first[p]);
        if (pool->first[p] != NULL) return pool->first[p];
    }
    return NULL;
}

static void start_clock(slot *self) {
    self->working = true;
    self->entered = lyc_seconds();
}

static void stop_clock(slot *self) {
    self->working = false;
    self->busy += lyc_seconds() - self->entered;
}

/* To everybody who spins or sleeps for work: look again. */
static void announce(lyc_pool *pool) {
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    if (pool->sleepers > 0) pthread_cond_broadcast(&pool->work);
}

/* ---- working ---------------------------------------------------------------------------------- */

/* Runs up to `most` items of `task`; leaves off early when `yields` and something more urgent waits. */
static void take_items(lyc_pool *pool, job *task, slot *self, size_t most, bool yields) {
    const unsigned more_urgent = (1U << task->priority) - 1;
    self->depth++;
    for (size_t taken = 0; taken < most && !exhausted(task); taken++) {
        size_t item = atomic_fetch_add_explicit(&task->claimed, 1, memory_order_relaxed);
        if (item >= task->count) break;
        task->fn(task->payload, item, self->index);
        if (yields && (atomic_load_explicit(&pool->waiting, memory_order_relaxed) & more_urgent) != 0) break;
    }
    self->depth--;
}

/* Helps with the job of another thread. Called and left with the mutex held. */
static void visit(lyc_pool *pool, job *task, slot *self, size_t most) {
    atomic_fetch_add_explicit(&task->visitors, 1, memory_order_relaxed);
    pthread_mutex_unlock(&pool->lock);
    take_items(pool, task, self, most, true);
    pthread_mutex_lock(&pool->lock);
    if (task->linked && exhausted(task)) unlink_job(pool, task);
    const bool wake = task->sleeper, background = task->background;
    /* From here on the job's memory may be gone. */
    const bool last = atomic_fetch_sub_explicit(&task->visitors, 1, memory_order_release) == 1;
    if (last && wake) pthread_cond_broadcast(&pool->finished);
    if (last && background) announce(pool);
}

static unsigned generation(lyc_pool *pool) {
    return atomic_load_explicit(&pool->generation, memory_order_acquire);
}

/* Returns when something new has happened since the generation was `seen`, or after a while. */
static void spin_for_work(lyc_pool *pool, unsigned seen) {
    if (!pool->spins) return;
    const double until = lyc_seconds() + spin_seconds;
    do {
        for (int i = 0; i < CHECKS_PER_CLOCK; i++) {
            if (generation(pool) != seen) return;
            relax();
        }
    } while (lyc_seconds() < until);
}

/* With the mutex held. */
static void sleep_for_work(lyc_pool *pool) {
    pool->sleepers++;
    pthread_cond_wait(&pool->work, &pool->lock);
    pool->sleepers--;
}

static void *work_until_the_end(void *argument) {
    slot *self = argument;
    lyc_pool *pool = self->pool;
    worker_slot = self;
    bool tired = false; /* has spun without result */
    pthread_mutex_lock(&pool->lock);
    while (!pool->ending) {
        job *task = most_urgent(pool, LYC_PRIORITY_COUNT);
        if (task != NULL) {
            start_clock(self);
            visit(pool, task, self, SIZE_MAX);
            stop_clock(self);
            tired = false;
        } else if (!tired) {
            const unsigned seen = generation(pool);
            pthread_mutex_unlock(&pool->lock);
            spin_for_work(pool, seen);
            pthread_mutex_lock(&pool->lock);
            tired = true;
        } else {
            sleep_for_work(pool);
            tired = false;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* ---- running a job ---------------------------------------------------------------------------- */

/* Publishes a job to those who spin and those who sleep. Called with the mutex held, and gives it back
 * first, so that nobody wakes up only to wait for it. */
static void publish(lyc_pool *pool, job *task) {
    link_job(pool, task);
    const bool wake = pool->sleepers > 0;
    pthread_mutex_unlock(&pool->lock);
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    if (wake) pthread_cond_broadcast(&pool->work);
}

static bool visited(job *task) {
    return atomic_load_explicit(&task->visitors, memory_order_acquire) > 0;
}

static void spin_for_visitors(lyc_pool *pool, job *task) {
    if (!pool->spins) return;
    const double until = lyc_seconds() + spin_seconds;
    do {
        for (int i = 0; i < CHECKS_PER_CLOCK; i++) {
            if (!visited(task)) return;
            relax();
        }
    } while (lyc_seconds() < until);
}

/* With the mutex held. */
static void sleep_until_over(lyc_pool *pool, job *task) {
    task->sleeper = true;
    while (task->linked || visited(task)) pthread_cond_wait(&pool->finished, &pool->lock);
}

static void run_foreign(lyc_pool *pool, job *task) {
    pthread_mutex_lock(&pool->lock);
    publish(pool, task);
    pthread_mutex_lock(&pool->lock);
    sleep_until_over(pool, task);
    pthread_mutex_unlock(&pool->lock);
}

/* The caller's share of its own job; comes back with the mutex held and every item claimed. From the
 * bottom of its stack the owner looks after more urgent jobs between two items. */
static void work_off(lyc_pool *pool, job *task, slot *self, bool top) {
    for (;;) {
        take_items(pool, task, self, SIZE_MAX, top);
        pthread_mutex_lock(&pool->lock);
        if (exhausted(task)) return;
        job *other = most_urgent(pool, (int)task->priority);
        if (other != NULL) visit(pool, other, self, SIZE_MAX);
        pthread_mutex_unlock(&pool->lock);
    }
}

static void run_on_slot(lyc_pool *pool, job *task, slot *self) {
    const bool top = self->depth == 0;
    pthread_mutex_lock(&pool->lock);
    if (top) start_clock(self);
    if (task->count > 1 && pool->threads > 1) publish(pool, task);
    else pthread_mutex_unlock(&pool->lock); /* nobody could help */
    work_off(pool, task, self, top);
    if (task->linked) unlink_job(pool, task);
    if (top && pool->threads == 1) {
        /* Nobody else works here: one item of another job a call, so that foreign threads get on. */
        job *other = most_urgent(pool, LYC_PRIORITY_COUNT);
        if (other != NULL) visit(pool, other, self, 1);
    }
    if (top) stop_clock(self);
    if (visited(task)) {
        if (!top) stop_clock(self); /* waiting is no work, even inside an item */
        pthread_mutex_unlock(&pool->lock);
        spin_for_visitors(pool, task);
        pthread_mutex_lock(&pool->lock);
        sleep_until_over(pool, task);
        if (!top) start_clock(self);
    }
    pthread_mutex_unlock(&pool->lock);
}

void lyc_pool_run(lyc_pool *pool, lyc_priority priority, size_t count, lyc_pool_fn fn, void *payload) {
    if (count == 0) return;
    if (pool == NULL) {
        for (size_t item = 0; item < count; item++) fn(payload, item, 0);
        return;
    }
    job task = {.fn = fn, .payload = payload, .count = count, .priority = priority};
    slot *self = own_slot(pool);
    if (self != NULL) run_on_slot(pool, &task, self);
    else run_foreign(pool, &task);
}

/* One item of the most urgent job; false when there is none. */
static bool help_once(lyc_pool *pool, slot *self) {
    const bool top = self->depth == 0;
    pthread_mutex_lock(&pool->lock);
    job *task = most_urgent(pool, LYC_PRIORITY_COUNT);
    if (task != NULL) {
        if (top) start_clock(self);
        visit(pool, task, self, 1);
        if (top) stop_clock(self);
    }
    pthread_mutex_unlock(&pool->lock);
    return task != NULL;
}

void lyc_pool_wait(lyc_pool *pool, bool (*done)(void *payload), void *payload) {
    for (;;) {
        const unsigned seen = generation(pool);
        if (done(payload)) return;
        if (help_once(pool, &pool->slots[0])) continue;
        spin_for_work(pool, seen);
        pthread_mutex_lock(&pool->lock);
        while (generation(pool) == seen && most_urgent(pool, LYC_PRIORITY_COUNT) == NULL)
            sleep_for_work(pool);
        pthread_mutex_unlock(&pool->lock);
    }
}

void lyc_pool_notify(lyc_pool *pool) {
    if (pool == NULL) return;
    pthread_mutex_lock(&pool->lock);
    announce(pool);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- in the background ------------------------------------------------------------------------ */

struct lyc_background {
    lyc_pool *pool;
    job task;
};

lyc_status lyc_background_create(lyc_background **out, lyc_pool *pool, lyc_error *err) {
    lyc_background *background = NULL;
    LYC_TRY(lyc_allocate((void **)&background, 1, sizeof *background, "a job in the background", err));
    background->pool = pool;
    *out = background;
    return LYC_OK;
}

void lyc_background_start(lyc_background *background, lyc_priority priority, size_t count, lyc_pool_fn fn,
                          void *payload) {
    lyc_pool *pool = background->pool;
    if (lyc_pool_threads(pool) == 1 || count == 0) {
        lyc_pool_run(pool, priority, count, fn, payload);
        return;
    }
    job *task = &background->task;
    *task = (job){.fn = fn, .payload = payload, .count = count, .priority = priority, .background = true};
    pthread_mutex_lock(&pool->lock);
    publish(pool, task);
}

static bool is_over(void *payload) {
    lyc_background *background = payload;
    pthread_mutex_lock(&background->pool->lock);
    bool over = !background->task.linked && !visited(&background->task);
    pthread_mutex_unlock(&background->pool->lock);
    return over;
}

void lyc_background_finish(lyc_background *background) {
    if (background->pool != NULL) lyc_pool_wait(background->pool, is_over, background);
}

void lyc_background_destroy(lyc_background *background) {
    if (background == NULL) return;
    lyc_background_finish(background);
    lyc_free(background);
}

/* ---- life and clocks -------------------------------------------------------------------------- */

/* The cores this process may use (taskset and containers restrict them). */
static int usable_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < MOST_THREADS ? (int)online : 1;
}

static void create_lock(pthread_mutex_t *lock) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
#ifdef __GLIBC__
    /* Spins briefly before it sleeps: the mutex is never held for long. */
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
    pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

/* Starts the workers; returns 0, or an errno with pool->threads set to what there is. */
static int start_workers(lyc_pool *pool) {
    /* Signals are for the application's own threads. */
    sigset_t all, former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int reason = 0;
    for (int i = 1; i < pool->threads && reason == 0; i++) {
        reason = pthread_create(&pool->slots[i].thread, NULL, work_until_the_end, &pool->slots[i]);
        if (reason != 0) {
            pool->threads = i;
            break;
        }
        char name[16];
        snprintf(name, sizeof name, "lyc-%d", i);
        pthread_setname_np(pool->slots[i].thread, name);
    }
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    return reason;
}

lyc_status lyc_pool_create(lyc_pool **out, int threads, lyc_error *err) {
    *out = NULL;
    if (threads < 0 || threads > MOST_THREADS)
        LYC_FAIL(err, LYC_EUSAGE, "threads: %d is not between 1 and %d (or 0 for one per core)", threads,
                 MOST_THREADS);
    const int cores = usable_cores();
    if (threads == 0) threads = cores < MOST_THREADS ? cores : MOST_THREADS;
    lyc_pool *pool = NULL;
    LYC_TRY(lyc_allocate((void **)&pool, 1, sizeof *pool, "the thread pool", err));
    lyc_status status = lyc_allocate((void **)&pool->slots, (size_t)threads, sizeof *pool->slots,
                                     "the threads of the pool", err);
    if (status != LYC_OK) {
        lyc_free(pool);
        return status;
    }
    create_lock(&pool->lock);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->finished, NULL);
    pool->threads = threads;
    pool->spins = threads <= cores;
    pool->reset_at = lyc_seconds();
    for (int i = 0; i < threads; i++) {
        pool->slots[i].pool = pool;
        pool->slots[i].index = i;
    }
    pool->slots[0].thread = pthread_self();
    int reason = start_workers(pool);
    if (reason != 0) {
        int started = pool->threads;
        lyc_pool_destroy(pool);
        LYC_FAIL(err, LYC_EENVIRONMENT, "cannot start thread %d of %d: %s; use fewer threads", started + 1,
                 threads, strerror(reason));
    }
    *out = pool;
    return LYC_OK;
}

void lyc_pool_destroy(lyc_pool *pool) {
    if (pool == NULL) return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->threads; i++) pthread_join(pool->slots[i].thread, NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    lyc_free(pool->slots);
    lyc_free(pool);
}

int lyc_pool_threads(const lyc_pool *pool) {
    return pool != NULL ? pool->threads : 1;
}

void lyc_pool_busy(lyc_pool *pool, double *out) {
    pthread_mutex_lock(&pool->lock);
    const double now = lyc_seconds();
    const double wall = now - pool->reset_at;
    for (int i = 0; i < pool->threads; i++) {
        const slot *s = &pool->slots[i];
        const double busy = s->busy + (s->working ? now - s->entered : 0);
        out[i] = wall > 0 ? busy / wall : 0;
    }
    pthread_mutex_unlock(&pool->lock);
}

void lyc_pool_busy_reset(lyc_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->reset_at = lyc_seconds();
    for (int i = 0; i < pool->threads; i++) {
        pool->slots[i].busy = 0;
        pool->slots[i].entered = pool->reset_at;
    }
    pthread_mutex_unlock(&pool->lock);
}
