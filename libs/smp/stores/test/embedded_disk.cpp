#include "embedded_disk.hpp"

#include <algorithm>
#include <fstream>

namespace simplex::smp::stores {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

namespace {

// The engine writes slashes twice at times.
std::string normal(const std::string& name) { return std::filesystem::path(name).lexically_normal().string(); }

}  // namespace

class TestFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  TestFile(std::unique_ptr<FSWritableFile> file, TestDisk& disk, std::shared_ptr<TestDisk::Lengths> lengths)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), lengths_(std::move(lengths)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* context) override {
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.fault_ == TestDisk::Fault::write_error) return IOStatus::IOError("the test's disk cannot write");
    if (disk_.fault_ == TestDisk::Fault::full) {
      // A part of it may still have fitted.
      const rocksdb::Slice part(data.data(), data.size() / 2);
      if (!part.empty() && FSWritableFileOwnerWrapper::Append(part, options, context).ok()) {
        lengths_->written += part.size();
      }
      return IOStatus::NoSpace("the test's disk is full");
    }
    auto status = FSWritableFileOwnerWrapper::Append(data, options, context);
    if (status.ok()) lengths_->written += data.size();
    return status;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* context) override {
    return Append(data, options, context);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    std::unique_lock lock(disk_.mutex_);
    ++disk_.syncing_;
    disk_.changed_.notify_all();
    disk_.changed_.wait(lock, [&] { return !disk_.cutting_; });
    --disk_.syncing_;
    if (disk_.fault_ == TestDisk::Fault::sync_error) return IOStatus::IOError("the test's disk cannot flush");
    lengths_->lasting = lengths_->written;
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override { return Sync(options, context); }
  IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* context) override {
    const std::lock_guard lock(disk_.mutex_);
    auto status = FSWritableFileOwnerWrapper::Truncate(size, options, context);
    if (status.ok()) {
      lengths_->written = size;
      lengths_->lasting = std::min(lengths_->lasting, size);
    }
    return status;
  }
  // Would leave octets at the end that are no octets of the file's.
  IOStatus Allocate(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  void PrepareWrite(std::size_t, std::size_t, const IOOptions&, IODebugContext*) override {}

 private:
  TestDisk& disk_;
  std::shared_ptr<TestDisk::Lengths> lengths_;
};

void TestDisk::fail(Fault fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
}

IOStatus TestDisk::NewWritableFile(const std::string& name, const FileOptions& options,
                                   std::unique_ptr<FSWritableFile>* result, IODebugContext* context) {
  const std::lock_guard lock(mutex_);
  if (fault_ == Fault::full) return IOStatus::NoSpace("the test's disk is full");
  if (fault_ == Fault::write_error) return IOStatus::IOError("the test's disk cannot write");
  std::unique_ptr<FSWritableFile> file;
  auto status = FileSystemWrapper::NewWritableFile(name, options, &file, context);
  if (!status.ok()) return status;
  auto& lengths = files_[normal(name)];
  lengths = std::make_shared<Lengths>();
  *result = std::make_unique<TestFile>(std::move(file), *this, lengths);
  return status;
}

IOStatus TestDisk::ReopenWritableFile(const std::string& name, const FileOptions& options,
                                      std::unique_ptr<FSWritableFile>* result, IODebugContext* context) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<FSWritableFile> file;
  auto status = FileSystemWrapper::ReopenWritableFile(name, options, &file, context);
  if (!status.ok()) return status;
  auto& lengths = files_[normal(name)];
  if (!lengths) lengths = std::make_shared<Lengths>();
  std::error_code ignored;
  lengths->written = std::filesystem::file_size(name, ignored);
  *result = std::make_unique<TestFile>(std::move(file), *this, lengths);
  return status;
}

IOStatus TestDisk::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                              IODebugContext* context) {
  const std::lock_guard lock(mutex_);
  auto status = FileSystemWrapper::RenameFile(from, to, options, context);
  if (!status.ok()) return status;
  files_.erase(normal(to));
  auto node = files_.extract(normal(from));
  if (!node.empty()) {
    node.key() = normal(to);
    files_.insert(std::move(node));
  }
  return status;
}

IOStatus TestDisk::DeleteFile(const std::string& name, const IOOptions& options, IODebugContext* context) {
  const std::lock_guard lock(mutex_);
  files_.erase(normal(name));
  return FileSystemWrapper::DeleteFile(name, options, context);
}

std::size_t TestDisk::cut_power(const std::filesystem::path& folder, const std::filesystem::path& copy,
                                Random& random) {
  std::unique_lock lock(mutex_);
  if (random.below(4) != 0) {
    cutting_ = true;
    changed_.wait(lock, [&] { return syncing_ > 0; });
  }
  std::size_t lost = 0;
  std::filesystem::create_directories(copy);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const auto target = copy / std::filesystem::relative(entry.path(), folder);
    if (entry.is_directory()) {
      std::filesystem::create_directories(target);
      continue;
    }
    std::filesystem::copy_file(entry.path(), target);
    const auto found = files_.find(normal(entry.path().string()));
    if (found == files_.end()) continue;
    const auto& [written, lasting] = *found->second;
    const auto torn = written - lasting;
    const auto kept = lasting + random.below(torn + 1);
    std::filesystem::resize_file(target, kept);
    lost += written - kept;
    // The log's space is claimed before it is written: its end may be zeros, or what was there before. A file that only
    // grows ends where its octets end, on a file system with a journal.
    if (kept == lasting || target.extension() != ".log" || random.below(2) == 0) continue;
    const auto spoiled = 1 + random.below(kept - lasting);
    const auto noise = random.below(2) == 0 ? random.bytes(spoiled) : Bytes(spoiled);
    std::fstream file(target, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(kept - spoiled));
    file.write(reinterpret_cast<const char*>(noise.data()), static_cast<std::streamsize>(noise.size()));
  }
  cutting_ = false;
  changed_.notify_all();
  return lost;
}

void TestDisk::end_process(const std::filesystem::path& folder, const std::filesystem::path& copy) {
  const std::lock_guard lock(mutex_);
  std::filesystem::copy(folder, copy, std::filesystem::copy_options::recursive);
}

}  // namespace simplex::smp::stores
