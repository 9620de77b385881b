/* resolver.c - getaddrinfo on two threads behind a bounded queue. The cache keeps an answer 30 s, a failure 2 s. */
#include "net/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"

enum { threads_count = 2, cache_size = 64, host_max = 256, good_s = 30, bad_s = 2 };

enum entry_state { entry_free, entry_asked, entry_known };

struct entry {
    char host[host_max];
    enum entry_state state;
    uint64_t until_ns;
    struct addresses addresses;
    struct list waits;
};

struct job {
    struct job *next;
    size_t entry;
    char host[host_max];
    struct addresses addresses;
};

struct resolver {
    struct loop *loop;
    struct entry entries[cache_size];
    struct addresses literal;
    pthread_t threads[threads_count];
    size_t thread_count;
    pthread_mutex_t mutex; /* guards queue, done and stopping */
    pthread_cond_t changed;
    struct job *queue, **queue_end, *done;
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

static void lookup(const char *host, struct addresses *addresses) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    int status = getaddrinfo(host, NULL, &hints, &found);
    addresses->count = 0;
    addresses->failure[0] = 0;
    if (status != 0) {
        str_copy(addresses->failure, sizeof addresses->failure, str_from(gai_strerror(status)));
        return;
    }
    for (struct addrinfo *at = found; at && addresses->count < resolver_addresses_max; at = at->ai_next)
        memcpy(&addresses->list[addresses->count++], at->ai_addr, at->ai_addrlen);
    freeaddrinfo(found);
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

/* The answer goes into the cache and to all who wait. They may ask again, which may give the entry to another name. */
static void answer(struct resolver *resolver, struct job *job) {
    struct entry *entry = &resolver->entries[job->entry];
    struct list waits;
    list_init(&waits);
    entry->addresses = job->addresses;
    entry->state = entry_known;
    entry->until_ns = loop_now(resolver->loop).mono_ns + (job->addresses.count ? good_s : bad_s) * NS_PER_S;
    while (!list_empty(&entry->waits)) {
        struct list *node = entry->waits.next;
        list_remove(node);
        list_add_last(&waits, node);
    }
    while (!list_empty(&waits)) {
        struct resolver_wait *wait = LIST_OWNER(waits.next, struct resolver_wait, node);
        list_remove(&wait->node);
        wait->found(wait->context, &job->addresses);
    }
    memory_give(job);
}

/* On the loop. */
static void deliver(void *context) {
    struct resolver *resolver = context;
    while (is_living(resolver)) { /* each answer may end the resolver */
        pthread_mutex_lock(&resolver->mutex);
        struct job *job = resolver->done;
        if (job) resolver->done = job->next;
        pthread_mutex_unlock(&resolver->mutex);
        if (!job) return;
        answer(resolver, job);
    }
}

static void *thread_main(void *context) {
    struct resolver *resolver = context;
    pthread_mutex_lock(&resolver->mutex);
    while (!resolver->stopping) {
        struct job *job = resolver->queue;
        if (!job) {
            pthread_cond_wait(&resolver->changed, &resolver->mutex);
            continue;
        }
        resolver->queue = job->next;
        if (!resolver->queue) resolver->queue_end = &resolver->queue;
        pthread_mutex_unlock(&resolver->mutex);
        lookup(job->host, &job->addresses);
        pthread_mutex_lock(&resolver->mutex);
        job->next = resolver->done;
        resolver->done = job;
        loop_post(resolver->loop, deliver, resolver); /* false: the loop has ended, and nobody waits */
    }
    pthread_mutex_unlock(&resolver->mutex);
    return NULL;
}

static bool threads_start(struct resolver *resolver) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (resolver->thread_count < threads_count &&
           pthread_create(&resolver->threads[resolver->thread_count], NULL, thread_main, resolver) == 0)
        resolver->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return resolver->thread_count > 0;
}

struct resolver *resolver_new(struct loop *loop) {
    struct resolver *resolver = memory_take_zeroed(sizeof *resolver);
    if (!resolver) return NULL;
    resolver->loop = loop;
    resolver->queue_end = &resolver->queue;
    pthread_mutex_init(&resolver->mutex, NULL);
    pthread_cond_init(&resolver->changed, NULL);
    for (size_t i = 0; i < cache_size; i++) list_init(&resolver->entries[i].waits);
    pthread_mutex_lock(&living_mutex);
    list_add_last(&living, &resolver->living);
    pthread_mutex_unlock(&living_mutex);
    return resolver;
}

static void jobs_free(struct job *jobs) {
    for (struct job *job = jobs, *next; job; job = next) {
        next = job->next;
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
    pthread_cond_broadcast(&resolver->changed);
    pthread_mutex_unlock(&resolver->mutex);
    for (size_t i = 0; i < resolver->thread_count; i++) pthread_join(resolver->threads[i], NULL);
    jobs_free(resolver->queue);
    jobs_free(resolver->done);
    pthread_mutex_destroy(&resolver->mutex);
    pthread_cond_destroy(&resolver->changed);
    memory_give(resolver);
}

static struct entry *entry_find(struct resolver *resolver, struct str host) {
    for (size_t i = 0; i < cache_size; i++)
        if (resolver->entries[i].state != entry_free && str_eq(str_from(resolver->entries[i].host), host))
            return &resolver->entries[i];
    return NULL;
}

const struct addresses *resolver_known(struct resolver *resolver, struct str host) {
    if (literal_parse(host, &resolver->literal)) return &resolver->literal;
    struct entry *entry = entry_find(resolver, host);
    bool known = entry && entry->state == entry_known && entry->until_ns > loop_now(resolver->loop).mono_ns;
    return known ? &entry->addresses : NULL;
}

/* A free place, or the oldest that nobody waits for. */
static struct entry *entry_take(struct resolver *resolver) {
    struct entry *oldest = NULL;
    for (size_t i = 0; i < cache_size; i++) {
        struct entry *entry = &resolver->entries[i];
        if (entry->state == entry_free) return entry;
        if (entry->state == entry_known && (!oldest || entry->until_ns < oldest->until_ns)) oldest = entry;
    }
    return oldest;
}

bool resolver_ask(struct resolver *resolver, struct str host, struct resolver_wait *wait) {
    struct entry *entry = entry_find(resolver, host);
    if (entry && entry->state == entry_asked) {
        list_add_last(&entry->waits, &wait->node);
        return true;
    }
    if (!entry) entry = entry_take(resolver);
    struct job *job = entry && host.len < host_max ? memory_take_zeroed(sizeof *job) : NULL;
    if (!job || (resolver->thread_count == 0 && !threads_start(resolver))) {
        memory_give(job);
        return false;
    }
    job->entry = (size_t)(entry - resolver->entries);
    str_copy(job->host, sizeof job->host, host);
    str_copy(entry->host, sizeof entry->host, host);
    entry->state = entry_asked;
    list_add_last(&entry->waits, &wait->node);
    pthread_mutex_lock(&resolver->mutex);
    *resolver->queue_end = job;
    resolver->queue_end = &job->next;
    pthread_cond_signal(&resolver->changed);
    pthread_mutex_unlock(&resolver->mutex);
    return true;
}

void resolver_forget(struct resolver_wait *wait) { list_remove(&wait->node); }
