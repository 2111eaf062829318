/* One request about one health premium, and an answer to it: the stage of the request tests. */
#ifndef SKP_REQUEST_SCENE_H
#define SKP_REQUEST_SCENE_H

#include "domain_facts.h"

#define DUE         20261203
#define SCENE_PLACE (UINT64_C(3) << 24 | 5) /* of its case */

/* Asked on 19 November 2026, due on 3 December. */
struct scene {
    struct arena arena;
    struct agreement agreement;
    struct skp_oin creditor;
    struct skp_oin counsellor;
    struct skp_id request_id;
    struct skp_id agreement_id;
    struct skp_hash leaf;
    struct request_state state;
    Skp__V1__Claim claim;
    Skp__V1__Claim *claims[1];
    Skp__V1__AnswerFact answer;
    struct answer_context context;
};

static inline void scene_request(struct scene *scene, Skp__V1__RequestFact *fact,
                                 Skp__V1__KnownClaim *known, Skp__V1__KnownClaim **knowns,
                                 char *brand)
{
    skp__v1__known_claim__init(known);
    skp__v1__request_fact__init(fact);
    known->kind = KIND(HEALTH);
    fact->request_id = bytes_of(&scene->request_id);
    fact->version = 1;
    fact->product = PRODUCT(DEBT_MEDIATION);
    fact->guidance = GUIDANCE(NONE);
    fact->brand = brand;
    fact->contains_bsn = true;
    fact->n_claims = 1;
    fact->claims = knowns;
}

static inline void scene_register(struct scene *scene)
{
    char brand[] = "Zorgzaam";
    struct skp_id case_id = id_of(200);
    Skp__V1__KnownClaim known;
    Skp__V1__KnownClaim *knowns[] = {&known};
    Skp__V1__RequestFact fact;
    scene_request(scene, &fact, &known, knowns, brand);
    request_register(&fact, &case_id, SCENE_PLACE, &scene->leaf, &scene->state);
}

static inline void scene_answer(struct scene *scene)
{
    skp__v1__claim__init(&scene->claim);
    scene->claim.kind = KIND(HEALTH);
    scene->claim.amount_cents = 123456;
    scene->claims[0] = &scene->claim;
    Skp__V1__AnswerFact *answer = &scene->answer;
    skp__v1__answer_fact__init(answer);
    answer->request_id = bytes_of(&scene->request_id);
    answer->request_leaf = hash_bytes_of(&scene->leaf);
    answer->version = 1;
    answer->outcome = OUTCOME(CLAIMS);
    answer->complete = true;
    answer->n_claims = 1;
    answer->claims = scene->claims;
    answer->total_cents = 123456;
    answer->consent = CONSENT(PRE_AGREED);
    answer->agreement_id = bytes_of(&scene->agreement_id);
    answer->agreement_version = 1;
}

static inline int setup(void **state)
{
    static struct scene scene;
    struct agreement_text text;
    scene = (struct scene){.creditor = oin_of(CREDITOR),
                           .counsellor = oin_of(MUNICIPALITY),
                           .request_id = id_of(1),
                           .agreement_id = id_of(50),
                           .leaf = hash_of(7)};
    arena_init(&scene.arena, 1024 * 1024);
    agreement_text_init(&text, 50);
    assert_ok(agreement_of(&text, &scene.arena, &scene.agreement));
    scene_register(&scene);
    assert_ok(request_publish(&scene.state, 7, at(20261119, 10, 0), DUE));
    scene_answer(&scene);
    scene.context = (struct answer_context){.creditor = &scene.creditor,
                                            .counsellor = &scene.counsellor,
                                            .agreement = &scene.agreement,
                                            .now_ms = at(20261125, 14, 0)};
    *state = &scene;
    return 0;
}

static inline int teardown(void **state)
{
    struct scene *scene = *state;
    arena_fini(&scene->arena);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
