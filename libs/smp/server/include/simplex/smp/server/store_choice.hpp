// Where a relay keeps its queues and messages, as the operator says in [STORE_LOG] of smp-server.ini:
//
//   store_queues  store_messages
//   embedded      embedded        the durable store in the relay's process; what "smp-server init" writes
//   memory        memory          the reference's: in memory, with smp-server-store.log and smp-server-messages.log
//   memory        journal         the reference's: its files are imported into the embedded store once
//   database      database        PostgreSQL
//   database      journal         the reference's: the journal is imported into PostgreSQL once
//
// Without store_queues and store_messages they are memory, as the reference has it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace simplex::smp::server {

enum class StoreKind : std::uint8_t { memory, embedded, database };

struct StoreChoice {
  StoreKind kind = StoreKind::memory;
  bool journal = false;  // store_messages = journal
  bool enabled = true;   // of the memory store: off keeps nothing

  struct Embedded {
    std::filesystem::path folder;                       // embedded_path; "store" in the folder of the logs
    std::chrono::microseconds commit_delay{0};          // embedded_commit_delay
    std::size_t commit_octets = 4 * 1'024 * 1'024;      // embedded_commit_bytes
    std::size_t cache_octets = 64 * 1'024 * 1'024;      // embedded_cache_bytes
    std::size_t unwritten_octets = 64 * 1'024 * 1'024;  // embedded_unwritten_bytes
    std::size_t pending_octets = 256 * 1'024 * 1'024;   // embedded_pending_bytes
    std::size_t reader_threads = 4;                     // embedded_reader_threads
  } embedded;

  struct Database {
    std::string connection = "postgresql://smp@/smp_server_store";  // db_connection
    std::string schema = "smp_server";                              // db_schema
    std::size_t pool_size = 10;                                     // db_pool_size
    std::chrono::seconds deleted_ttl = std::chrono::days(21);       // db_deleted_ttl, in days; db_deleted_seconds
    std::chrono::seconds timeout{10};                               // db_timeout
    std::size_t waiting_octets = 64 * 1'024 * 1'024;                // db_waiting_bytes
    std::chrono::seconds lease_wait{3};                             // db_lease_wait
  } database;
};

[[nodiscard]] std::string_view name_of(StoreKind kind) noexcept;

}  // namespace simplex::smp::server
