// Files of a server: configuration, logs and saved state. Errors name the file and the system's reason.
#pragma once

#include <filesystem>
#include <utility>

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex::server_kit {

inline constexpr unsigned public_file = 0644;
inline constexpr unsigned private_file = 0600;

[[nodiscard]] Result<Bytes> read_file(const std::filesystem::path& file);

// A new file only: an existing one is a conflict.
[[nodiscard]] Result<> create_file(const std::filesystem::path& file, BytesView content, unsigned mode);

// All or nothing: writes beside the file, flushes to the disk, and renames over it.
[[nodiscard]] Result<> replace_file(const std::filesystem::path& file, BytesView content, unsigned mode);

// Writes a file piece by piece, with the same promise: what stood there stays until commit().
class FileReplacement {
 public:
  [[nodiscard]] static Result<FileReplacement> begin(std::filesystem::path file, unsigned mode);
  ~FileReplacement();
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;
  FileReplacement(FileReplacement&& other) noexcept;
  FileReplacement& operator=(FileReplacement&&) = delete;

  [[nodiscard]] Result<> write(BytesView octets);  // buffered
  [[nodiscard]] Result<> commit();

 private:
  FileReplacement(std::filesystem::path file, std::filesystem::path temporary, int descriptor)
      : file_(std::move(file)), temporary_(std::move(temporary)), descriptor_(descriptor) {}
  [[nodiscard]] Result<> flush();

  std::filesystem::path file_;
  std::filesystem::path temporary_;
  int descriptor_;
  Bytes buffer_;
};

// An append-only file. An append is whole or not there: what a full disk left of it is cut off again. Not thread-safe.
class AppendFile {
 public:
  [[nodiscard]] static Result<AppendFile> open(const std::filesystem::path& file, unsigned mode);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&&) = delete;

  [[nodiscard]] Result<> append(BytesView octets);
  [[nodiscard]] Result<> sync();

 private:
  AppendFile(std::filesystem::path file, int descriptor) : file_(std::move(file)), descriptor_(descriptor) {}

  std::filesystem::path file_;
  int descriptor_;
  bool damaged_ = false;  // a piece of a failed append could not be cut off yet
  std::uint64_t size_ = 0;
};

// Says that this process uses the files of a directory, until it is destroyed or the process ends, however it ends. The
// directory itself is locked: nothing is left behind in it.
class DirectoryLock {
 public:
  // A conflict when somebody else, in this process too, has the lock.
  [[nodiscard]] static Result<DirectoryLock> take(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  DirectoryLock(DirectoryLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

[[nodiscard]] Result<> create_directories(const std::filesystem::path& directory, unsigned mode);

}  // namespace simplex::server_kit
