#include "archive/tar_reader.h"

#include <string>
#include <vector>

#include "archive/test_tar.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

struct ReadEntry {
  TarEntry entry;
  std::string content;  // holes filled with dots
};

absl::StatusOr<std::vector<ReadEntry>> ReadTar(const std::string& archive) {
  MemorySource source(archive);
  TarReader reader(source);
  std::vector<ReadEntry> all;
  for (;;) {
    ReadEntry read;
    ASSIGN_OR_RETURN(const bool more, reader.Next(read.entry));
    if (!more) return all;
    if (read.entry.size < 1 << 20) read.content.assign(static_cast<size_t>(read.entry.size), '.');
    for (;;) {
      ASSIGN_OR_RETURN(const TarPiece piece, reader.ReadPiece());
      if (piece.data.empty()) break;
      REQUIRE(piece.offset + static_cast<int64_t>(piece.data.size()) <= read.entry.size);
      if (read.content.empty()) continue;
      read.content.replace(static_cast<size_t>(piece.offset), piece.data.size(), std::string(piece.data));
    }
    all.push_back(std::move(read));
  }
}

ReadEntry ReadOne(const std::string& archive) {
  const auto all = ReadTar(archive);
  REQUIRE_MESSAGE(all.ok(), all.status().ToString());
  REQUIRE(all->size() == 1);
  return all->front();
}

absl::Status ErrorOf(const std::string& archive) { return ReadTar(archive).status(); }

// A header that a test changes before its checksum is set.
template <typename Change>
std::string Changed(const TestEntry& entry, Change change) {
  RawTarHeader header = TestHeader(entry, entry.content.size());
  change(header);
  SetChecksum(header);
  return HeaderBytes(header) + Blocks(entry.content);
}

TEST_SUITE("archive/tar_reader") {
  TEST_CASE("ustar: fields, prefix, types") {
    const ReadEntry f = ReadOne(Changed({.path = "name", .content = "abc", .mode = 04755, .uid = 7, .gid = 8},
                                        [](RawTarHeader& h) { memcpy(h.prefix, "some/dir", 8); }));
    CHECK(f.entry.path == "some/dir/name");
    CHECK(f.content == "abc");
    CHECK(f.entry.mode == 04755);
    CHECK(f.entry.uid == 7);
    CHECK(f.entry.gid == 8);
    CHECK(f.entry.mtime.tv_sec == 1000000000);
    const auto all = ReadTar(Member({.path = "l", .type = '2', .link = "to"}) +
                             Member({.path = "h", .type = '1', .link = "x"}) +
                             Member({.path = "c", .type = '3', .dev_major = 1, .dev_minor = 3}) +
                             Member({.path = "b", .type = '4', .dev_major = 8, .dev_minor = 1}) +
                             Member({.path = "d", .type = '5'}) + Member({.path = "p", .type = '6'}) +
                             Member({.path = "o", .type = '7', .content = "contiguous"}) + EndMarker());
    REQUIRE(all.ok());
    REQUIRE(all->size() == 7);
    CHECK((*all)[0].entry.type == EntryType::kSymlink);
    CHECK((*all)[0].entry.link_target == "to");
    CHECK((*all)[1].entry.type == EntryType::kHardLink);
    CHECK((*all)[2].entry.type == EntryType::kCharDevice);
    CHECK((*all)[2].entry.dev_minor == 3);
    CHECK((*all)[3].entry.type == EntryType::kBlockDevice);
    CHECK((*all)[4].entry.type == EntryType::kDirectory);
    CHECK((*all)[5].entry.type == EntryType::kFifo);
    CHECK((*all)[6].content == "contiguous");
  }
  TEST_CASE("v7: no magic, a slash makes a directory") {
    const auto v7 = [](RawTarHeader& h) {
      memset(h.magic, 0, 8);
      memcpy(h.prefix, "not a prefix", 12);
      h.type = '\0';
    };
    CHECK(ReadOne(Changed({.path = "f", .content = "abc"}, v7)).entry.path == "f");
    CHECK(ReadOne(Changed({.path = "d/"}, v7)).entry.type == EntryType::kDirectory);
  }
  TEST_CASE("star: a shorter prefix") {
    const ReadEntry f = ReadOne(Changed({.path = "f"}, [](RawTarHeader& h) {
      memset(h.prefix, 'p', 131);
      memcpy(h.prefix + 131, "00000000000 ", 12);
      memcpy(h.padding + 8, "tar", 4);
    }));
    CHECK(f.entry.path == std::string(131, 'p') + "/f");
  }
  TEST_CASE("checksums: unsigned and signed sums pass, others do not") {
    std::string archive = Member({.path = "\xff\xff", .content = "x"});
    CHECK(ReadOne(archive).entry.path == "\xff\xff");
    // The signed sum: each byte over 127 counts 256 less.
    RawTarHeader header;
    memcpy(&header, archive.data(), sizeof(header));
    const long sum = strtol(header.checksum, nullptr, 8) - 512;
    snprintf(header.checksum, 8, "%06lo", sum);
    CHECK(ReadOne(HeaderBytes(header) + archive.substr(512)).content == "x");
    archive[0] ^= 1;
    CHECK(ErrorOf(archive).message() == "tar header at byte 0: not a tar archive");
    CHECK(absl::IsInvalidArgument(ErrorOf(std::string(2000, 'x'))));
    CHECK(absl::IsInvalidArgument(ErrorOf("short")));
  }
  TEST_CASE("base-256 numbers, negative ones too") {
    const ReadEntry f = ReadOne(Changed({.path = "f"}, [](RawTarHeader& h) {
      memcpy(h.uid, "\x80\0\0\0\x80\0\0\x01", 8);
      memset(h.mtime, 0xff, 12);
    }));
    CHECK(f.entry.uid == 0x80000001u);
    CHECK(f.entry.mtime.tv_sec == -1);
    const auto bad_size = [](RawTarHeader& h) { memset(h.size, 0xff, 12); };
    CHECK(absl::IsInvalidArgument(ErrorOf(Changed({.path = "f"}, bad_size))));
    const auto huge_size = [](RawTarHeader& h) { memset(h.size, 0xbf, 12); };
    CHECK(absl::IsInvalidArgument(ErrorOf(Changed({.path = "f"}, huge_size))));
    const auto no_owner = [](RawTarHeader& h) { memcpy(h.uid, "\x80\0\0\0\xff\xff\xff\xff", 8); };
    CHECK(absl::IsInvalidArgument(ErrorOf(Changed({.path = "f"}, no_owner))));
    const auto no_octal = [](RawTarHeader& h) { memcpy(h.size, "0000000009 ", 12); };
    CHECK(absl::IsInvalidArgument(ErrorOf(Changed({.path = "f"}, no_octal))));
  }
  TEST_CASE("GNU long names and links") {
    const std::string name(300, 'n'), link(300, 'l');
    const ReadEntry f =
        ReadOne(Member({.path = "././@LongLink", .type = 'L', .content = name + std::string(1, '\0')}) +
                Member({.path = "././@LongLink", .type = 'K', .content = link + std::string(1, '\0')}) +
                Member({.path = "short", .type = '2', .link = "short"}));
    CHECK(f.entry.path == name);
    CHECK(f.entry.link_target == link);
    CHECK(absl::IsDataLoss(ErrorOf(Member({.path = "x", .type = 'L', .content = name}))));
    CHECK(absl::IsInvalidArgument(ErrorOf(
        Member({.path = "x", .type = 'L', .content = std::string(5000, 'x')}) + Member({.path = "x"}))));
  }
  TEST_CASE("pax: local records amend the next entry, global ones all, an empty value takes them back") {
    const std::string local = PaxRecord("path", "p/x\ny") + PaxRecord("linkpath", "target") +
                              PaxRecord("uid", "3000000000") + PaxRecord("mtime", "-1.25") +
                              PaxRecord("atime", "5.000000001") + PaxRecord("comment", "ignored") +
                              PaxRecord("hdrcharset", "BINARY");
    const auto all = ReadTar(Pax(PaxRecord("gid", "77"), 'g') + Pax(local) +
                             Member({.path = "short", .type = '2'}) + Member({.path = "b", .gid = 5}) +
                             Pax(PaxRecord("gid", "")) + Member({.path = "c", .gid = 5}));
    REQUIRE_MESSAGE(all.ok(), all.status().ToString());
    REQUIRE(all->size() == 3);
    const TarEntry& first = (*all)[0].entry;
    CHECK(first.path == "p/x\ny");
    CHECK(first.link_target == "target");
    CHECK(first.uid == 3000000000u);
    CHECK(first.gid == 77);
    CHECK(first.mtime.tv_sec == -2);
    CHECK(first.mtime.tv_nsec == 750000000);
    REQUIRE(first.atime.has_value());
    CHECK(first.atime->tv_nsec == 1);
    CHECK((*all)[1].entry.gid == 77);
    CHECK((*all)[2].entry.gid == 5);
  }
  TEST_CASE("pax: size beyond what the header can say") {
    const ReadEntry f =
        ReadOne(Pax(PaxRecord("size", "3")) +
                Changed({.path = "f", .content = "abc"}, [](RawTarHeader& h) { memset(h.size, '0', 11); }));
    CHECK(f.content == "abc");
    CHECK(absl::IsDataLoss(ErrorOf(Pax(PaxRecord("size", "9223372036854775000")) + Member({.path = "f"}))));
    CHECK(absl::IsInvalidArgument(
        ErrorOf(Pax(PaxRecord("size", "9223372036854775807")) + Member({.path = "f"}))));
    CHECK(absl::IsInvalidArgument(ErrorOf(Pax(PaxRecord("size", "-1")) + Member({.path = "f"}))));
  }
  TEST_CASE("pax: extended attributes of star and of libarchive") {
    const ReadEntry f = ReadOne(Pax(PaxRecord("SCHILY.xattr.user.a", "1=\n2") +
                                    PaxRecord("LIBARCHIVE.xattr.user.b%3Dc", "aGk") +
                                    PaxRecord("LIBARCHIVE.xattr.user.a", "aGk=")) +
                                Member({.path = "f"}));
    REQUIRE(f.entry.xattrs.size() == 2);
    CHECK(f.entry.xattrs.at("user.a") == "1=\n2");
    CHECK(f.entry.xattrs.at("user.b=c") == "hi");
    CHECK_FALSE(ErrorOf(Pax(PaxRecord("LIBARCHIVE.xattr.user.b", "!!")) + Member({.path = "f"})).ok());
    CHECK_FALSE(
        ErrorOf(Pax(PaxRecord("SCHILY.xattr.user.b", std::string(70000, 'x'))) + Member({.path = "f"})).ok());
    CHECK_FALSE(ErrorOf(Pax(PaxRecord("SCHILY.xattr.", "x")) + Member({.path = "f"})).ok());
  }
  TEST_CASE("pax: malformed records are refused") {
    for (const char* records : {"x", "3 a", "100 a=b\n", "5 a=bX", "0 a=b\n", "5 =bc\n", "-6 a=b\n",
                                "99999999999999999999 a=b\n", "6 a=b\n\n", " 6 a=b\n"}) {
      CHECK_MESSAGE(absl::IsInvalidArgument(ErrorOf(Pax(records) + Member({.path = "f"}))), records);
    }
    for (const char* time : {"x", "1.x", "", "1-", "--1", "1.2.3"}) {
      CHECK((ErrorOf(Pax(PaxRecord("mtime", time)) + Member({.path = "f"})).ok() == (*time == '\0')));
    }
    CHECK(absl::IsInvalidArgument(ErrorOf(Pax(PaxRecord("uid", "4294967295")) + Member({.path = "f"}))));
    CHECK(absl::IsInvalidArgument(
        ErrorOf(Pax(PaxRecord("comment", std::string(static_cast<size_t>(kMaxExtensionBytes), 'x'))) +
                Member({.path = "f"}))));
  }
  TEST_CASE("GNU sparse files: 0.0, 0.1 and 1.0") {
    const std::string map01 = PaxRecord("GNU.sparse.major", "0") + PaxRecord("GNU.sparse.minor", "1") +
                              PaxRecord("GNU.sparse.name", "real") + PaxRecord("GNU.sparse.size", "10") +
                              PaxRecord("GNU.sparse.numblocks", "2") + PaxRecord("GNU.sparse.map", "1,2,6,1");
    const ReadEntry f01 = ReadOne(Pax(map01) + Member({.path = "GNUSparseFile.1/real", .content = "abc"}));
    CHECK(f01.entry.path == "real");
    CHECK(f01.entry.sparse);
    CHECK(f01.content == ".ab...c...");
    const std::string map00 = PaxRecord("GNU.sparse.size", "10") + PaxRecord("GNU.sparse.numblocks", "2") +
                              PaxRecord("GNU.sparse.offset", "1") + PaxRecord("GNU.sparse.numbytes", "2") +
                              PaxRecord("GNU.sparse.offset", "6") + PaxRecord("GNU.sparse.numbytes", "1");
    CHECK(ReadOne(Pax(map00) + Member({.path = "real", .content = "abc"})).content == ".ab...c...");
    const std::string map10 = PaxRecord("GNU.sparse.major", "1") + PaxRecord("GNU.sparse.minor", "0") +
                              PaxRecord("GNU.sparse.name", "real") + PaxRecord("GNU.sparse.realsize", "10");
    const ReadEntry f10 =
        ReadOne(Pax(map10) + Member({.path = "x", .content = Blocks("2\n1\n2\n6\n1\n") + "abc"}));
    CHECK(f10.entry.path == "real");
    CHECK(f10.content == ".ab...c...");
  }
  TEST_CASE("sparse maps that overlap, overflow or do not fit their data are refused") {
    for (const char* map : {"1,2,2,1", "6,1,1,2", "1,2,9,2", "1,2", "1,2,6,2", "1,2,6",
                            "9223372036854775807,3", "1,9223372036854775807", "x,3", "-1,3"}) {
      const std::string records = PaxRecord("GNU.sparse.size", "10") + PaxRecord("GNU.sparse.map", map);
      CHECK_MESSAGE(absl::IsInvalidArgument(ErrorOf(Pax(records) + Member({.path = "f", .content = "abc"}))),
                    map);
    }
    const std::string map10 = PaxRecord("GNU.sparse.major", "1") + PaxRecord("GNU.sparse.minor", "0") +
                              PaxRecord("GNU.sparse.realsize", "10");
    for (const char* content : {"", "5", "99999999999999999999999\n", "2000000\n", "3\n1\n1\n"}) {
      CHECK_FALSE(ErrorOf(Pax(map10) + Member({.path = "f", .content = content}) + EndMarker()).ok());
    }
  }
  TEST_CASE("GNU's old sparse format, with an extension block") {
    RawTarHeader header = TestHeader({.path = "s", .type = 'S'}, 5);
    memcpy(header.magic, "ustar  ", 8);
    char* bytes = reinterpret_cast<char*>(&header);
    memset(bytes + 345, 0, 155);
    for (int i = 0; i < 4; ++i) {
      snprintf(bytes + kGnuSparseMap + 24 * i, 12, "%011o", 2 * i);
      snprintf(bytes + kGnuSparseMap + 24 * i + 12, 12, "%011o", 1);
    }
    bytes[kGnuSparseIsExtended] = 1;
    snprintf(bytes + kGnuSparseRealSize, 12, "%011o", 12);
    SetChecksum(header);
    std::string extension(512, '\0');
    snprintf(extension.data(), 12, "%011o", 8);
    snprintf(extension.data() + 12, 12, "%011o", 1);
    const ReadEntry s = ReadOne(HeaderBytes(header) + extension + Blocks("abcde"));
    CHECK(s.content == "a.b.c.d.e...");
    CHECK(absl::IsDataLoss(ErrorOf(HeaderBytes(header))));
  }
  TEST_CASE("content that nobody reads is skipped; links and directories have none") {
    const auto all = ReadTar(
        Changed({.path = "d", .type = '5'}, [](RawTarHeader& h) { memcpy(h.size, "00000001000", 11); }) +
        Member({.path = "V", .type = 'V', .content = "label"}) + Member({.path = "f", .content = "x"}));
    REQUIRE(all.ok());
    CHECK(all->size() == 2);
    CHECK(absl::IsUnimplemented(ErrorOf(Member({.path = "m", .type = 'M'}))));
  }
  TEST_CASE("the end: two blocks of zeros, or the end of the stream; a lone block of zeros is an error") {
    CHECK(ReadTar("").value().empty());
    CHECK(ReadTar(EndMarker() + "whatever follows").value().empty());
    CHECK(ReadTar(std::string(512, '\0')).value().empty());
    CHECK(absl::IsInvalidArgument(ErrorOf(std::string(512, '\0') + Member({.path = "f"}))));
  }
}

}  // namespace
}  // namespace coracle::archive
