// Opens the store on a disk that is handed in: tests have one that is full, or whose power is cut.
#pragma once

#include "simplex/smp/stores/embedded.hpp"

namespace rocksdb {
class Env;
}

namespace simplex::smp::stores::embedded {

// disk: null is the machine's; it outlives the store.
[[nodiscard]] Result<std::unique_ptr<server::StoreBackend>> open_on(EmbeddedSettings settings, rocksdb::Env* disk,
                                                                    Logger& logger);

}  // namespace simplex::smp::stores::embedded
