#include "sim_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Streams of the seed; those from SIM_CASE_STREAM on belong to the cases (sim_case.c). */
#define WORLD_STREAM 1

static struct skp_oin make_oin(char register_digit, uint32_t number)
{
    struct skp_oin oin;
    snprintf(oin.text, sizeof(oin.text), "00000099%c%08u000", register_digit, number % 100000000);
    return oin;
}

struct skp_oin sim_creditor_oin(size_t index)
{
    return make_oin('2', (uint32_t)index + 1);
}

/* GM0820,"Nuenen, Gerwen en Nederwetten",22763: the name is what lies between the outer commas. */
static bool read_line(char *line, struct arena *arena, struct sim_municipality *ret_municipality)
{
    line[strcspn(line, "\r\n")] = '\0';
    char *name = strchr(line, ',');
    char *number = strrchr(line, ',');
    if (!name || name == number || strncmp(line, "GM", 2) != 0)
        return false;
    *name++ = '\0';
    *number++ = '\0';
    size_t len = strlen(name);
    if (len >= 2 && name[0] == '"' && name[len - 1] == '"') {
        name[len - 1] = '\0';
        name++;
    }
    char *end = NULL, *end_code = NULL;
    unsigned long inhabitants = strtoul(number, &end, 10);
    unsigned long code = strtoul(line + 2, &end_code, 10);
    if (end == number || *end || *end_code || code > 9999 || inhabitants > 10000000)
        return false;
    *ret_municipality = (struct sim_municipality){.code = (uint32_t)code,
                                                  .name = arena_copy(arena, name, strlen(name) + 1),
                                                  .inhabitants = (uint32_t)inhabitants,
                                                  .oin = make_oin('1', (uint32_t)code)};
    return ret_municipality->name != NULL;
}

enum skp_err sim_municipalities_read(const char *path, struct arena *arena,
                                     struct sim_municipality *ret_list, size_t *ret_count,
                                     struct csv_problem *ret_problem)
{
    char line[256];
    size_t count = 0;
    *ret_problem = (struct csv_problem){.err = SKP_OK};
    FILE *in = fopen(path, "re");
    if (!in) {
        ret_problem->err = errno == ENOENT ? SKP_E_NOT_FOUND : SKP_E_IO;
        ret_problem->os_error = errno;
        return ret_problem->err;
    }
    while (!ret_problem->err && fgets(line, sizeof(line), in)) {
        ret_problem->line++;
        if (ret_problem->line == 1)
            continue;
        if (count == SIM_MAX_MUNICIPALITIES || !read_line(line, arena, &ret_list[count]))
            ret_problem->err = SKP_E_VALUE_INVALID;
        else
            count++;
    }
    if (!ret_problem->err && (ferror(in) || count == 0))
        ret_problem->err = SKP_E_IO;
    fclose(in);
    *ret_count = count;
    return ret_problem->err;
}

static void draw_counsellors(struct sim_random *random, const struct sim_municipality *list,
                             size_t count, struct sim_world *world)
{
    double weights[SIM_MAX_MUNICIPALITIES];
    for (size_t i = 0; i < count; i++)
        weights[i] = (double)list[i].inhabitants;
    for (size_t i = 0; i < world->counsellor_count; i++) {
        size_t drawn = sim_random_weighted(random, weights, count);
        world->counsellors[i] = list[drawn];
        weights[drawn] = 0;
    }
}

static void spread_cases(struct sim_random *random, struct sim_world *world)
{
    double weights[SIM_MAX_MUNICIPALITIES];
    size_t count = world->counsellor_count;
    for (size_t i = 0; i < count; i++)
        weights[i] = (double)world->counsellors[i].inhabitants;
    for (uint32_t i = 0; i < world->case_count; i++)
        world->counsellor_of[i] =
            i < count ? i : (uint32_t)sim_random_weighted(random, weights, count);
}

enum skp_err sim_world_draw(uint64_t seed, uint32_t case_count, plain_date date,
                            const struct sim_municipality *list, size_t count,
                            struct sim_world *ret_world)
{
    struct sim_size size = sim_size_of(case_count);
    struct sim_random random = sim_random_new(seed, WORLD_STREAM);
    *ret_world = (struct sim_world){
        .seed = seed,
        .case_count = case_count,
        .date = date,
        .counsellor_count = size.counsellors < count ? size.counsellors : count,
        .connected_count =
            size.connected < sim_creditor_count ? size.connected : sim_creditor_count,
    };
    ret_world->counsellor_of = calloc(case_count > 0 ? case_count : 1, sizeof(uint32_t));
    if (!ret_world->counsellor_of)
        return SKP_E_NO_MEMORY;
    draw_counsellors(&random, list, count, ret_world);
    spread_cases(&random, ret_world);
    return SKP_OK;
}

void sim_world_fini(struct sim_world *world)
{
    free(world->counsellor_of);
    world->counsellor_of = NULL;
}

bool sim_world_agreed(const struct sim_world *world, size_t index, size_t counsellor)
{
    if (index >= world->connected_count || sim_creditors[index].consent == SIM_NO_AGREEMENT)
        return false;
    uint64_t stream = sim_hash(SIM_HASH_START, sim_creditor_oin(index).text);
    stream = sim_hash(stream, world->counsellors[counsellor].oin.text);
    struct sim_random random = sim_random_new(world->seed, stream);
    return sim_random_chance(&random, SIM_AGREED);
}
