// A disk for the embedded store that can be full, that can fail, and whose power can be cut: it knows which octets of a
// file were made to last. Nothing is really flushed, which makes the tests fast.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>

#include "simplex/base/random.hpp"

namespace simplex::smp::stores {

class TestDisk final : public rocksdb::FileSystemWrapper {
 public:
  enum class Fault { none, full, write_error, sync_error };

  TestDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "TestDisk"; }

  // From now on.
  void fail(Fault fault);

  // What a power cut now would leave of the folder: of each file what was made to last, then a random number of the
  // octets written after that, the last of which may be anything. Octets that are lost: how many. Most cuts wait for a
  // moment in which something is about to be made to last, so there has to be somebody who writes.
  std::size_t cut_power(const std::filesystem::path& folder, const std::filesystem::path& copy, Random& random);
  // What the sudden end of the process now would leave of the folder: all that was written, lasting or not.
  void end_process(const std::filesystem::path& folder, const std::filesystem::path& copy);

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;

 private:
  friend class TestFile;
  // Octets written and made to last, of a file that was opened for writing.
  struct Lengths {
    std::uint64_t written = 0;
    std::uint64_t lasting = 0;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  int syncing_ = 0;
  bool cutting_ = false;
  Fault fault_ = Fault::none;
  std::map<std::string, std::shared_ptr<Lengths>> files_;
};

}  // namespace simplex::smp::stores
