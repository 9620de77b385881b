/* resolver.c - getaddrinfo on threads behind bounded queues, one for each share. An answer is fresh for 30 s, a failure
 * for 2 s. A provider's name is served stale for 5 min more, while it is asked for anew; and for a day, where asking
 * fails for a moment (after RFC 8767). What callers choose is kept apart by caller, so that none waits behind another's
 * lookups or is told another's answers. */
#include "net/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

enum { threads_max = 2, host_max = 256 };
static const struct resolver_times usual_times = {
    .good_ns = 30 * NS_PER_S, .bad_ns = 2 * NS_PER_S, .stale_ns = 300 * NS_PER_S, .outage_ns = 86400 * NS_PER_S};
enum share_kind { share_configuration, share_callers, shares };

struct share_rules {
    size_t entries, waiting, of_one_caller; /* lookups under way at most, in all and for one caller */
    bool serves_stale;
};

static const struct share_rules all_rules[shares] = {
    [share_configuration] = {2 * limit_providers, 2 * limit_providers, 2 * limit_providers, true},
    [share_callers] = {64, 64, 8, false},
};

/* A name, for one who may say it. */
struct resolver_entry {
    struct list node; /* of share->entries, the one asked for last first */
    uint64_t caller;
    struct job *job; /* under way; NULL: none */
    bool known;      /* the addresses are an answer */
    uint64_t learnt_ns, fresh_until_ns, usable_until_ns;
    struct addresses addresses;
    struct list waits;
    char host[host_max];
};

struct job {
    struct list node; /* of share->queue, or resolver->done */
    struct resolver_entry *entry;
    uint64_t caller;
    bool running; /* taken from the queue for good; under the mutex */
    char host[host_max];
    struct addresses addresses;
};

struct share {
    struct resolver *resolver;
    const struct share_rules *rules;
    struct list entries;
    size_t entry_count, job_count;
    pthread_t threads[threads_max];
    size_t thread_count;
    pthread_cond_t changed;
    struct list queue;                /* under the mutex, as what follows */
    struct job *running[threads_max]; /* NULL: a thread without work */
};

struct resolver {
    struct loop *loop;
    resolver_lookup *lookup;
    struct resolver_times times;
    struct addresses literal;
    pthread_mutex_t mutex; /* guards queues, done and stopping */
    struct list done;
    struct share shares[shares];
    struct list living;
    bool stopping;
};

static bool literal_parse(struct str host, struct addresses *addresses) {
    char text[host_max];
    str_copy(text, sizeof text, host);
    memset(&addresses->list[0], 0, sizeof addresses->list[0]);
    struct sockaddr_in *in = (struct sockaddr_in *)&addresses->list[0];
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addresses->list[0];
    addresses->count = 1;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        return true;
    }
    if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1) return false;
    in6->sin6_family = AF_INET6;
    return true;
}

void address_set_port(struct sockaddr_storage *address, uint16_t port) {
    if (address->ss_family == AF_INET)
        ((struct sockaddr_in *)address)->sin_port = htons(port);
    else if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
}

static void lookup_name(const char *host, struct addresses *addresses) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    int status = getaddrinfo(host, NULL, &hints, &found);
    if (status != 0) {
        addresses->passing = status == EAI_AGAIN || status == EAI_FAIL || status == EAI_SYSTEM || status == EAI_MEMORY;
        str_copy(addresses->failure, sizeof addresses->failure, str_from(gai_strerror(status)));
        return;
    }
    for (struct addrinfo *at = found; at && addresses->count < resolver_addresses_max; at = at->ai_next)
        memcpy(&addresses->list[addresses->count++], at->ai_addr, at->ai_addrlen);
    freeaddrinfo(found);
}

/* -- entries -- */

static struct share *share_of(struct resolver *resolver, uint64_t caller) {
    return &resolver->shares[caller ? share_callers : share_configuration];
}

static struct resolver_entry *entry_find(struct share *share, uint64_t caller, struct str host) {
    LIST_EACH (node, &share->entries) {
        struct resolver_entry *entry = LIST_OWNER(node, struct resolver_entry, node);
        if (entry->caller == caller && str_eq(str_from(entry->host), host)) return entry;
    }
    return NULL;
}

static void entry_free(struct share *share, struct resolver_entry *entry) {
    CHECK(!entry->job && list_empty(&entry->waits));
    CHECK(share->entry_count > 0);
    list_remove(&entry->node);
    share->entry_count--;
    memory_give(entry);
}

/* Room for one more: the one that was asked for longest ago, and is not being looked up, goes. */
static bool entry_room(struct share *share) {
    if (share->entry_count < share->rules->entries) return true;
    for (struct list *node = share->entries.prev; node != &share->entries; node = node->prev) {
        struct resolver_entry *entry = LIST_OWNER(node, struct resolver_entry, node);
        if (entry->job) continue;
        entry_free(share, entry);
        return true;
    }
    return false;
}

static struct resolver_entry *entry_new(struct share *share, uint64_t caller, struct str host) {
    struct resolver_entry *entry = host.len < host_max && entry_room(share) ? memory_take_zeroed(sizeof *entry) : NULL;
    if (!entry) return NULL;
    CHECKF(share->entry_count < share->rules->entries, "entries=%zu", share->entry_count);
    entry->caller = caller;
    str_copy(entry->host, sizeof entry->host, host);
    list_init(&entry->waits);
    list_add_first(&share->entries, &entry->node);
    share->entry_count++;
    if (check_walks) CHECKF(list_length(&share->entries) == share->entry_count, "entries=%zu", share->entry_count);
    return entry;
}

static void entry_learn(struct resolver_entry *entry, const struct share *share, const struct addresses *found) {
    const struct resolver_times *times = &share->resolver->times;
    uint64_t now_ns = loop_now(share->resolver->loop).mono_ns;
    bool had = share->rules->serves_stale && entry->known && entry->addresses.count;
    entry->fresh_until_ns = now_ns + (found->count ? times->good_ns : times->bad_ns);
    if (found->count == 0 && found->passing && had && now_ns - entry->learnt_ns < times->outage_ns) {
        entry->usable_until_ns = entry->learnt_ns + times->outage_ns;
        return;
    }
    bool stale = share->rules->serves_stale && found->count;
    CHECKF(found->count <= resolver_addresses_max, "count=%zu", found->count);
    entry->addresses = *found;
    entry->known = true;
    entry->learnt_ns = now_ns;
    entry->usable_until_ns = entry->fresh_until_ns + (stale ? times->stale_ns : 0);
}

/* The answer goes into the cache and to all who wait. They may ask again, which may take the entry. */
static void resolver_answer(struct resolver *resolver, struct job *job) {
    struct share *share = share_of(resolver, job->caller);
    struct resolver_entry *entry = job->entry;
    struct list waits;
    list_init(&waits);
    CHECKF(entry->job == job && entry->caller == job->caller && share->job_count > 0, "jobs=%zu", share->job_count);
    entry->job = NULL;
    share->job_count--;
    entry_learn(entry, share, &job->addresses);
    job->addresses = entry->addresses;
    while (!list_empty(&entry->waits)) {
        struct resolver_wait *wait = LIST_OWNER(entry->waits.next, struct resolver_wait, node);
        wait->entry = NULL;
        list_remove(&wait->node);
        list_add_last(&waits, &wait->node);
    }
    while (!list_empty(&waits)) {
        struct resolver_wait *wait = LIST_OWNER(waits.next, struct resolver_wait, node);
        list_remove(&wait->node);
        wait->found(wait->context, &job->addresses);
    }
    memory_give(job);
}

/* A letter may reach the loop after its resolver is gone, so it names the resolver only to be looked up here. */
static pthread_mutex_t living_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list living = {&living, &living};

static bool is_living(const struct resolver *resolver) {
    bool found = false;
    pthread_mutex_lock(&living_mutex);
    LIST_EACH (node, &living)
        if (LIST_OWNER(node, struct resolver, living) == resolver) found = resolver->loop == loop_current();
    pthread_mutex_unlock(&living_mutex);
    return found;
}

/* On the loop. */
static void deliver(void *context) {
    struct resolver *resolver = context;
    while (is_living(resolver)) { /* each answer may end the resolver */
        pthread_mutex_lock(&resolver->mutex);
        struct job *job = list_empty(&resolver->done) ? NULL : LIST_OWNER(resolver->done.next, struct job, node);
        if (job) list_remove(&job->node);
        pthread_mutex_unlock(&resolver->mutex);
        if (!job) return;
        resolver_answer(resolver, job);
    }
}

/* -- threads -- */

/* One caller's lookups take one thread at a time. */
static bool may_run(const struct share *share, const struct job *job) {
    for (size_t i = 0; i < threads_max && job->caller; i++)
        if (share->running[i] && share->running[i]->caller == job->caller) return false;
    return true;
}

/* Takes the first that may run; NULL: there is none. */
static struct job *job_take(struct share *share) {
    LIST_EACH (node, &share->queue) {
        struct job *job = LIST_OWNER(node, struct job, node);
        if (!may_run(share, job)) continue;
        size_t place = 0;
        while (share->running[place]) place++;
        CHECKF(place < threads_max && !job->running, "place=%zu", place);
        share->running[place] = job;
        job->running = true;
        list_remove(&job->node);
        return job;
    }
    return NULL;
}

static void job_done(struct share *share, struct job *job) {
    struct resolver *resolver = share->resolver;
    size_t places = 0;
    for (size_t i = 0; i < threads_max; i++)
        if (share->running[i] == job) {
            share->running[i] = NULL;
            places++;
        }
    CHECKF(places == 1 && job->running, "places=%zu", places);
    list_add_last(&resolver->done, &job->node);
    loop_post(resolver->loop, deliver, resolver); /* false: the loop has ended, and nobody waits */
}

static void *resolver_thread_main(void *context) {
    struct share *share = context;
    struct resolver *resolver = share->resolver;
    pthread_mutex_lock(&resolver->mutex);
    while (!resolver->stopping) {
        struct job *job = job_take(share);
        if (!job) {
            pthread_cond_wait(&share->changed, &resolver->mutex);
            continue;
        }
        pthread_mutex_unlock(&resolver->mutex);
        resolver->lookup(job->host, &job->addresses);
        pthread_mutex_lock(&resolver->mutex);
        job_done(share, job);
    }
    pthread_mutex_unlock(&resolver->mutex);
    return NULL;
}

static bool threads_start(struct share *share) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (share->thread_count < threads_max &&
           pthread_create(&share->threads[share->thread_count], NULL, resolver_thread_main, share) == 0)
        share->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return share->thread_count > 0;
}

/* -- the resolver -- */

struct resolver *resolver_new_with(struct loop *loop, resolver_lookup *lookup, const struct resolver_times *times) {
    struct resolver *resolver = memory_take_zeroed(sizeof *resolver);
    if (!resolver) return NULL;
    resolver->loop = loop;
    resolver->lookup = lookup;
    resolver->times = *times;
    pthread_mutex_init(&resolver->mutex, NULL);
    list_init(&resolver->done);
    for (size_t i = 0; i < shares; i++) {
        struct share *share = &resolver->shares[i];
        share->resolver = resolver;
        share->rules = &all_rules[i];
        list_init(&share->entries);
        list_init(&share->queue);
        pthread_cond_init(&share->changed, NULL);
    }
    pthread_mutex_lock(&living_mutex);
    list_add_last(&living, &resolver->living);
    pthread_mutex_unlock(&living_mutex);
    return resolver;
}

struct resolver *resolver_new(struct loop *loop) {
    return resolver_new_with(loop, lookup_name, &usual_times);
}

static void jobs_free(struct list *jobs) {
    while (!list_empty(jobs)) {
        struct job *job = LIST_OWNER(jobs->next, struct job, node);
        list_remove(&job->node);
        memory_give(job);
    }
}

void resolver_free(struct resolver *resolver) {
    if (!resolver) return;
    pthread_mutex_lock(&living_mutex);
    list_remove(&resolver->living);
    pthread_mutex_unlock(&living_mutex);
    pthread_mutex_lock(&resolver->mutex);
    resolver->stopping = true;
    for (size_t i = 0; i < shares; i++) pthread_cond_broadcast(&resolver->shares[i].changed);
    pthread_mutex_unlock(&resolver->mutex);
    for (size_t i = 0; i < shares; i++) {
        struct share *share = &resolver->shares[i];
        for (size_t t = 0; t < share->thread_count; t++) pthread_join(share->threads[t], NULL);
        jobs_free(&share->queue);
        pthread_cond_destroy(&share->changed);
        while (!list_empty(&share->entries)) {
            struct resolver_entry *entry = LIST_OWNER(share->entries.next, struct resolver_entry, node);
            list_remove(&entry->node);
            memory_give(entry);
        }
    }
    jobs_free(&resolver->done);
    pthread_mutex_destroy(&resolver->mutex);
    memory_give(resolver);
}

static size_t jobs_of(const struct share *share, uint64_t caller) {
    size_t count = 0;
    if (caller == 0) return share->job_count;
    LIST_EACH (node, &share->entries) {
        const struct resolver_entry *entry = LIST_OWNER(node, struct resolver_entry, node);
        count += entry->job && entry->caller == caller;
    }
    return count;
}

/* Begins to look it up. false: too many are, or there is no memory. */
static bool entry_ask(struct share *share, struct resolver_entry *entry) {
    struct resolver *resolver = share->resolver;
    const struct share_rules *rules = share->rules;
    CHECK(!entry->job); /* one lookup a name, however many wait */
    if (share->job_count >= rules->waiting || jobs_of(share, entry->caller) >= rules->of_one_caller) return false;
    struct job *job = memory_take_zeroed(sizeof *job);
    if (!job || (share->thread_count == 0 && !threads_start(share))) {
        memory_give(job);
        return false;
    }
    job->entry = entry;
    job->caller = entry->caller;
    memcpy(job->host, entry->host, sizeof job->host);
    entry->job = job;
    share->job_count++;
    pthread_mutex_lock(&resolver->mutex);
    list_add_last(&share->queue, &job->node);
    pthread_cond_signal(&share->changed);
    pthread_mutex_unlock(&resolver->mutex);
    return true;
}

const struct addresses *resolver_known(struct resolver *resolver, uint64_t caller, struct str host) {
    if (literal_parse(host, &resolver->literal)) return &resolver->literal;
    struct share *share = share_of(resolver, caller);
    struct resolver_entry *entry = entry_find(share, caller, host);
    uint64_t now_ns = loop_now(resolver->loop).mono_ns;
    if (!entry || !entry->known || now_ns >= entry->usable_until_ns) return NULL;
    list_remove(&entry->node);
    list_add_first(&share->entries, &entry->node);
    if (now_ns >= entry->fresh_until_ns && !entry->job) entry_ask(share, entry); /* false: the next one asks again */
    return &entry->addresses;
}

bool resolver_ask(struct resolver *resolver, uint64_t caller, struct str host, struct resolver_wait *wait) {
    struct share *share = share_of(resolver, caller);
    struct resolver_entry *entry = entry_find(share, caller, host);
    bool made = !entry;
    if (made) entry = entry_new(share, caller, host);
    if (!entry) return false;
    if (!entry->job && !entry_ask(share, entry)) {
        if (made) entry_free(share, entry);
        return false;
    }
    CHECK(entry->job && !wait->entry && wait->found);
    wait->resolver = resolver;
    wait->entry = entry;
    list_add_last(&entry->waits, &wait->node);
    return true;
}

/* A lookup that nobody waits for gives its place back, unless a thread has it. */
void resolver_forget(struct resolver_wait *wait) {
    struct resolver_entry *entry = wait->entry;
    list_remove(&wait->node);
    wait->entry = NULL;
    if (!entry || !list_empty(&entry->waits)) return;
    struct resolver *resolver = wait->resolver;
    struct share *share = share_of(resolver, entry->caller);
    struct job *job = entry->job;
    CHECK(job && job->entry == entry); /* somebody waited for it */
    pthread_mutex_lock(&resolver->mutex);
    bool queued = !job->running;
    if (queued) list_remove(&job->node);
    pthread_mutex_unlock(&resolver->mutex);
    if (!queued) return;
    entry->job = NULL;
    CHECK(share->job_count > 0);
    share->job_count--;
    memory_give(job);
    if (!entry->known) entry_free(share, entry);
}
