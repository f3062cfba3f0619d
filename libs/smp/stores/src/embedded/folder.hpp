// The store's folder: whose it is, of which version, and that nobody else uses it.
//
//   FOLDER/format   one line: "simplex-cpp queue store 1", with " new" at its end until the store is made
//   FOLDER/data     the engine's files
#pragma once

#include <filesystem>

#include "simplex/server_kit/files.hpp"

namespace simplex::smp::stores::embedded {

class Folder {
 public:
  // Makes it when it does not exist. One that has files and no format is somebody else's: a conflict, and nothing in it is
  // changed. So is one that is in use. One of a newer version is a version error.
  [[nodiscard]] static Result<Folder> open(std::filesystem::path path);

  [[nodiscard]] bool is_new() const noexcept { return is_new_; }
  [[nodiscard]] Result<> made();  // the store is there: from now on it is an error when it is not
  [[nodiscard]] std::filesystem::path data() const { return path_ / "data"; }

 private:
  Folder(std::filesystem::path path, server_kit::DirectoryLock lock, bool is_new)
      : path_(std::move(path)), lock_(std::move(lock)), is_new_(is_new) {}

  std::filesystem::path path_;
  server_kit::DirectoryLock lock_;
  bool is_new_;
};

}  // namespace simplex::smp::stores::embedded
