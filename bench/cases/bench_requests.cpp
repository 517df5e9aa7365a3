// All tables of a model at once: published models, batches from 1 to 2048, on one thread and on all.
#include <string>
#include <vector>

#include "bench/cases/request_case.hpp"
#include "bench/cases/suite.hpp"
#include "bench/workloads/models.hpp"
#include "bench/workloads/request_workload.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kBatches[] = {1, 16, 64, 256, 2048};

struct CappedModel {
    ModelSpec spec;
    std::size_t row_cap;  // rows of its largest table
    Grid grid;
};

/// The large ones are the models as published, as far as 16 GiB hold them; the usual ones stay below 1 GiB.
const std::vector<CappedModel>& models() {
    static const std::vector<CappedModel> all = {
        {dlrm_dcnv2(200000), 200000, Grid::usual},
        {dlrm_dcnv2(1000000), 1000000, Grid::usual},
        {dlrm_dcnv2_uniform(1000000), 1000000, Grid::usual},
        {dlrm_dcnv2(4000000), 4000000, Grid::large},
        {rmc1(1000000), 1000000, Grid::usual},
        {rmc1(4000000), 4000000, Grid::large},
        {rmc2(200000), 200000, Grid::usual},
        {rmc2(500000), 500000, Grid::large},
        {rmc3(2000000), 2000000, Grid::usual},
        {trace_2022(16000), 16000, Grid::usual},
        {trace_2022(200000), 200000, Grid::large},
    };
    return all;
}

}  // namespace

void register_requests(Grid grid) {
    for (const CappedModel& model : models()) {
        if (model.grid == Grid::large && grid != Grid::large) continue;
        for (const std::size_t batch : kBatches) {
            const std::string name = "requests/" + model.spec.name + "/rows:" + std::to_string(model.row_cap) +
                                     "/batch:" + std::to_string(batch);
            for (const std::size_t threads : kOneAndAll) add_request_case(name, {&model.spec, batch, threads});
        }
    }
}

}  // namespace rowpool::bench
