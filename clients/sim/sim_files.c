#include "sim_files.h"

#include "csv_record.h"
#include "sim_case.h"

#include <errno.h>
#include <sys/stat.h>

#define CASE_ARENA_BYTES ((size_t)1 << 20)
#define LIST_BYTES       16384

struct writing {
    const struct sim_world *world;
    const char *out;
    char *path; /* of the file at work */
    struct csv_problem *problem;
};

static enum skp_err fail(struct writing *writing, int error)
{
    *writing->problem = (struct csv_problem){.err = SKP_E_IO, .os_error = error};
    return SKP_E_IO;
}

static enum skp_err set_path(struct writing *writing, const char *folder, const char *name)
{
    int len = snprintf(writing->path, SIM_PATH_BYTES, "%s/%s%s", writing->out, folder, name);
    return len > 0 && len < SIM_PATH_BYTES ? SKP_OK : fail(writing, ENAMETOOLONG);
}

static enum skp_err make_folder(struct writing *writing, const char *folder)
{
    enum skp_err err = set_path(writing, folder, "");
    if (err)
        return err;
    return mkdir(writing->path, 0700) == 0 || errno == EEXIST ? SKP_OK : fail(writing, errno);
}

/* ---------------------------------------------------------------- participants and agreements */

static void put_counsellor(struct csv_writer *writer, const struct sim_municipality *seat)
{
    char text[300];
    csv_writer_text(writer, seat->oin.text);
    snprintf(text, sizeof(text), "Gemeente %s (test)", seat->name);
    csv_writer_text(writer, text);
    csv_writer_plain(writer, "schuldhulpverlener");
    csv_writer_text(writer, "");
    csv_writer_text(writer, "");
    csv_writer_plain(writer, "");
    snprintf(text, sizeof(text), "Proefplein 1, %04uAB %s", 1000 + seat->code * 37 % 8900,
             seat->name);
    csv_writer_text(writer, text);
    csv_writer_plain(writer, "Ja");
    csv_writer_plain(writer, "Ja");
    csv_writer_end_row(writer);
}

static void put_creditor(struct csv_writer *writer, size_t index, bool connected)
{
    const struct sim_creditor *creditor = &sim_creditors[index];
    char address[80];
    csv_writer_text(writer, sim_creditor_oin(index).text);
    csv_writer_text(writer, creditor->name);
    csv_writer_plain(writer, "schuldeiser");
    csv_writer_text(writer, creditor->search_names);
    csv_writer_text(writer, creditor->brands);
    csv_writer_plain(writer, csv_word_print(csv_words_kind, creditor->kind));
    snprintf(address, sizeof(address), "Postbus %zu, %04zuZZ Proefstad", 100 + index, 1100 + index);
    csv_writer_text(writer, address);
    csv_writer_plain(writer, creditor->bsn_entitled ? "Ja" : "");
    csv_writer_plain(writer, connected ? "Ja" : "");
    csv_writer_end_row(writer);
}

static enum skp_err write_participants(struct writing *writing)
{
    static const struct csv_column columns[] = {
        {"OIN", true},       {"Naam", true},   {"Rol", true},
        {"Zoeknamen", true}, {"Merken", true}, {"Soorten", true},
        {"Postadres", true}, {"BSN", true},    {"Aangesloten", true}};
    const struct sim_world *world = writing->world;
    struct csv_writer *writer = NULL;
    enum skp_err err = set_path(writing, "", "participants.csv");
    if (!err)
        err = csv_writer_open(writing->path, columns, sizeof(columns) / sizeof(columns[0]), &writer,
                              writing->problem);
    if (err)
        return err;
    for (size_t i = 0; i < world->counsellor_count; i++)
        put_counsellor(writer, &world->counsellors[i]);
    for (size_t i = 0; i < sim_creditor_count; i++)
        put_creditor(writer, i, i < world->connected_count);
    return csv_writer_close(writer, writing->problem);
}

/* The counsellors of agreement `index`, comma separated; "" when there is none. */
static void list_parties(const struct sim_world *world, size_t index, char *ret_text)
{
    size_t used = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < world->counsellor_count; i++) {
        if (sim_world_agreed(world, index, i))
            used += (size_t)snprintf(ret_text + used, LIST_BYTES - used, "%s%s",
                                     used > 0 ? "," : "", world->counsellors[i].oin.text);
    }
}

static void put_agreement(struct csv_writer *writer, const struct sim_world *world, size_t index,
                          const char *parties)
{
    const struct sim_creditor *creditor = &sim_creditors[index];
    char text[CSV_PROBLEM_TEXT_BYTES];
    csv_writer_text(writer, sim_creditor_oin(index).text);
    csv_writer_text(writer, parties);
    csv_writer_plain(writer, creditor->consent == SIM_PER_REQUEST ? "per saldoverzoek"
                                                                  : "tenzij belemmering");
    csv_writer_number(writer, creditor->term_working_days);
    csv_writer_plain(writer, creditor->products);
    csv_writer_plain(writer, "");
    csv_writer_plain(writer, csv_word_print(csv_words_kind, creditor->kind));
    csv_value_print_date(calendar_add_months(world->date, -12), text);
    csv_writer_plain(writer, text);
    csv_value_print_date(calendar_add_months(world->date, 36), text);
    csv_writer_plain(writer, text);
    csv_writer_plain(writer, creditor->schedule);
    csv_writer_end_row(writer);
}

static enum skp_err write_agreements(struct writing *writing)
{
    static const struct csv_column columns[] = {
        {"SchuldeiserOIN", true}, {"SHVOINs", true},     {"Akkoordvorm", true}, {"Werkdagen", true},
        {"Producten", true},      {"Begeleiding", true}, {"Soorten", true},     {"GeldigVan", true},
        {"GeldigTot", true},      {"Rooster", true}};
    const struct sim_world *world = writing->world;
    char parties[LIST_BYTES];
    struct csv_writer *writer = NULL;
    enum skp_err err = set_path(writing, "", "agreements.csv");
    if (!err)
        err = csv_writer_open(writing->path, columns, sizeof(columns) / sizeof(columns[0]), &writer,
                              writing->problem);
    if (err)
        return err;
    for (size_t i = 0; i < world->connected_count; i++) {
        list_parties(world, i, parties);
        if (parties[0] != '\0')
            put_agreement(writer, world, i, parties);
    }
    return csv_writer_close(writer, writing->problem);
}

/* ---------------------------------------------------------------- what a counsellor registers */

static void put_case(struct csv_writer *writer, const struct register_case *drawn)
{
    for (const struct register_request *r = drawn->requests; r; r = r->next) {
        for (const struct register_claim *claim = r->claims; claim; claim = claim->next)
            register_writer_put(writer, drawn, r, claim);
    }
}

static enum skp_err put_cases(struct writing *writing, size_t counsellor, struct csv_writer *writer,
                              struct csv_writer *bsn_writer)
{
    const struct sim_world *world = writing->world;
    struct arena arena;
    struct register_case *drawn = NULL;
    enum skp_err err = SKP_OK;
    arena_init(&arena, CASE_ARENA_BYTES);
    for (uint32_t i = 0; !err && i < world->case_count; i++) {
        if (world->counsellor_of[i] != counsellor)
            continue;
        arena_reset(&arena);
        err = sim_case_draw(world, i, &arena, &drawn);
        if (!err && writer)
            put_case(writer, drawn);
        if (!err && bsn_writer)
            register_bsn_writer_put(bsn_writer, drawn);
    }
    arena_fini(&arena);
    if (err)
        *writing->problem = (struct csv_problem){.err = err};
    return err;
}

static enum skp_err write_register(struct writing *writing, size_t counsellor, const char *folder)
{
    struct csv_writer *writer = NULL;
    enum skp_err err = set_path(writing, folder, "/aanmelding.csv");
    if (!err)
        err = register_writer_open(writing->path, &writer, writing->problem);
    if (!err)
        err = put_cases(writing, counsellor, writer, NULL);
    if (!err)
        return csv_writer_close(writer, writing->problem);
    csv_writer_abandon(writer);
    return err;
}

static enum skp_err write_bsn(struct writing *writing, size_t counsellor, const char *folder)
{
    struct csv_writer *writer = NULL;
    enum skp_err err = set_path(writing, folder, "/bsn.csv");
    if (!err)
        err = register_bsn_writer_open(writing->path, &writer, writing->problem);
    if (!err)
        err = put_cases(writing, counsellor, NULL, writer);
    if (!err)
        return csv_writer_close(writer, writing->problem);
    csv_writer_abandon(writer);
    return err;
}

enum skp_err sim_files_write(const struct sim_world *world, const char *out, char *ret_path,
                             struct csv_problem *ret_problem)
{
    struct writing writing = {.world = world, .out = out, .path = ret_path, .problem = ret_problem};
    enum skp_err err = make_folder(&writing, "");
    if (!err)
        err = write_participants(&writing);
    if (!err)
        err = write_agreements(&writing);
    for (size_t i = 0; !err && i < world->counsellor_count; i++) {
        char folder[64];
        snprintf(folder, sizeof(folder), "counsellor-%s", world->counsellors[i].oin.text);
        err = make_folder(&writing, folder);
        if (!err)
            err = write_register(&writing, i, folder);
        if (!err)
            err = write_bsn(&writing, i, folder);
    }
    return err;
}
