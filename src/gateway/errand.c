/* errand.c - see errand.h. */
#include "gateway/errand.h"

#include "base/memory.h"
#include "gateway/inference.h"

static void errand_free(struct errand *errand) {
    if (errand->letter) loop_letter_throw(errand->letter);
    if (errand->kind->release) errand->kind->release(errand);
    memory_give(errand);
}

void *errand_new(struct visit *visit, const struct errand_kind *kind) {
    struct errand *errand = memory_take_zeroed(kind->size);
    struct letter *letter = errand ? loop_letter_new() : NULL;
    if (!letter) {
        memory_give(errand);
        visit_error(visit, error_out_of_memory, STR_NONE);
        return NULL;
    }
    *errand = (struct errand){.kind = kind,
                              .visit = visit,
                              .gateway = visit->gateway_worker->gateway,
                              .loop = visit->gateway_worker->worker->loop,
                              .letter = letter,
                              .who = visit_who(visit)};
    return errand;
}

void errand_start(void *own, struct loop *where) {
    struct errand *errand = own;
    struct visit *visit = errand->visit;
    visit->busy = true;
    if (loop_post(where, errand->kind->run, errand)) return;
    errand_drop(errand);
    visit_error(visit, error_shutting_down, STR_NONE);
}

void errand_answer(void *own) {
    struct errand *errand = own;
    struct visit *visit = errand->visit;
    errand->kind->answer(errand);
    visit->busy = false;
    errand_free(errand);
    visit_release(visit);
}

void errand_done(void *own) {
    struct errand *errand = own;
    struct letter *letter = errand->letter;
    errand->letter = NULL;
    if (!loop_letter_post(errand->loop, letter, errand_answer, errand))
        errand_free(errand); /* the loop has stopped: nobody is left to tell */
}

void errand_drop(void *own) {
    struct errand *errand = own;
    errand->visit->busy = false;
    errand_free(errand);
}

enum error_code errand_code_of(const struct weir_error *error) {
    for (int code = error_none + 1; code < error_codes; code++)
        if (str_eq(error_name((enum error_code)code), str_from(error->code))) return (enum error_code)code;
    return error_internal;
}
