// rowpool_train: tables that are initialised, looked up, and learn.
#pragma once

#include "rowpool/rowpool.hpp"
#include "rowpool_train/embedding.hpp"
#include "rowpool_train/mutable_table.hpp"
#include "rowpool_train/optimizer.hpp"
#include "rowpool_train/serving.hpp"
#include "rowpool_train/workers.hpp"
