/* One office and one creditor with the post between them: a registration that arrives, a list of it. */
#ifndef SKP_POST_SCENE_H
#define SKP_POST_SCENE_H

#include "lists_write.h"
#include "skp_scene.h"
#include "views.h"

#define POST_ASKED                                                                                 \
    SCENE_HEADER SCENE_CASE("2026-1") "Zeemeeuw;;;F-001;12,50;eerste;telecom\r\n" SCENE_CASE(      \
        "2026-1") "Zeemeeuw;;;F-002;7,50;eerste;telecom\r\n"

#define ANSWERED_MS (SCENE_NOW_MS + INT64_C(86400000))

struct post {
    struct scene *scene;
    struct skp_oin broker;
    struct scene_opener creditor_key, office_key;
    struct opening creditor, office;
};

static inline struct post post_open(struct scene *scene)
{
    return (struct post){.scene = scene,
                         .broker = scene_oin(SCENE_BROKER),
                         .creditor_key = {.key = scene->creditor_enc},
                         .office_key = {.key = scene->office_enc}};
}

/* The registration reaches the creditor. */
static inline void post_request(struct post *post)
{
    struct scene *scene = post->scene;
    scene_add_entry(scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw", true, NULL);
    scene_register(scene, POST_ASKED, false, NULL);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &batch.batch_id, 0, 0, SKP_OK);
    post->creditor = (struct opening){.db = &scene->creditor,
                                      .broker = &post->broker,
                                      .open_part = scene_open_part,
                                      .ctx = &post->creditor_key};
    scene_deliver(scene, &batch, 1, SCENE_CREDITOR, SCENE_NOW_MS, &post->creditor);
}

/* Writes the only list and gives the path. */
static inline const char *write_list(struct post *post, size_t *ret_rows)
{
    struct question_list lists[4];
    struct csv_problem problem;
    assert_int_equal(questions_lists(&post->scene->creditor, lists, 4), 1);
    assert_string_equal(lists[0].counsellor.text, SCENE_COUNSELLOR);
    const char *path = scene_file(post->scene, "out.csv", NULL);
    (void)unlink(path); /* a list takes the place of none */
    assert_ok(lists_write(&post->scene->creditor, &post->scene->book, &lists[0], path, ret_rows,
                          &problem));
    return path;
}

static inline struct request_view only_view(struct post *post, struct views *views)
{
    struct request_view view;
    views_open(views, &post->scene->office, NULL);
    assert_true(views_next(views, &view));
    return view;
}

#endif
