#include "engine/copy_rules.h"

#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::engine {

TEST_SUITE("engine/copy_rules") {
  TEST_CASE("what names a container and what a path of the host") {
    struct Row {
      const char *text, *container, *path;
    };
    for (const Row& row : {Row{"web:/etc/hosts", "web", "/etc/hosts"}, Row{"web:etc", "web", "etc"},
                           Row{"web:", "web", ""}, Row{"/a:b", "", "/a:b"}, Row{"./a:b", "", "./a:b"},
                           Row{"../a:b", "", "../a:b"}, Row{"a", "", "a"}, Row{":a", "", ":a"}}) {
      CAPTURE(row.text);
      const CopyArgument argument = ParseCopyArgument(row.text);
      CHECK(argument.container == row.container);
      CHECK(argument.path == row.path);
      CHECK_FALSE(argument.is_stream);
    }
    CHECK(ParseCopyArgument("-").is_stream);
  }

  TEST_CASE("what a path says about itself") {
    struct Row {
      const char *text, *clean, *name;
      bool directory, contents;
    };
    for (const Row& row : {Row{"/a/b", "/a/b", "b", false, false}, Row{"/a/b/", "/a/b", "b", true, false},
                           Row{"/a/b//", "/a/b", "b", true, false}, Row{"/a/b/.", "/a/b", "b", true, true},
                           Row{"/a/b/./", "/a/b", "b", true, true}, Row{"/", "/", "", true, true},
                           Row{"/.", "/", "", true, true}, Row{".", ".", "", true, true},
                           Row{"./", ".", "", true, true}, Row{"..", "..", "", true, true},
                           Row{"a/..", "a/..", "", true, true}, Row{"a", "a", "a", false, false},
                           Row{"", ".", "", true, true}, Row{"a.", "a.", "a.", false, false}}) {
      CAPTURE(row.text);
      const CopyPath path = ReadCopyPath(row.text);
      CHECK(path.clean == row.clean);
      CHECK(path.name == row.name);
      CHECK(path.directory == row.directory);
      CHECK(path.contents == row.contents);
    }
  }

  // docker cp, "Description": the whole table. "-" is an error.
  TEST_CASE("docker's rules") {
    struct Row {
      const char* source;
      CopyKind source_kind;
      const char* destination;
      CopyKind destination_kind;
      char result;  // a: as, i: into, c: contents, -: error
    };
    constexpr auto F = CopyKind::kFile;
    constexpr auto D = CopyKind::kDirectory;
    constexpr auto M = CopyKind::kMissing;
    for (const Row& row : {
             Row{"f", F, "/x", M, 'a'},     Row{"f", F, "/x/", M, '-'}, Row{"f", F, "/x", F, 'a'},
             Row{"f", F, "/x/", F, '-'},    Row{"f", F, "/x", D, 'i'},  Row{"f", F, "/x/", D, 'i'},
             Row{"f", F, "/x/.", D, 'i'},   Row{"f/", F, "/x", D, '-'}, Row{"f/.", F, "/x", M, '-'},
             Row{"d", D, "/x", M, 'a'},     Row{"d", D, "/x/", M, 'a'}, Row{"d/", D, "/x", M, 'a'},
             Row{"d/.", D, "/x", M, 'a'},   Row{"d", D, "/x", F, '-'},  Row{"d/.", D, "/x", F, '-'},
             Row{"d", D, "/x", D, 'i'},     Row{"d/", D, "/x", D, 'i'}, Row{"d/.", D, "/x", D, 'c'},
             Row{"d/.", D, "/x/.", D, 'c'}, Row{"/", D, "/x", D, 'c'},  Row{"/", D, "/x", M, 'a'},
         }) {
      CAPTURE(row.source);
      CAPTURE(row.destination);
      CAPTURE(static_cast<int>(row.destination_kind));
      const auto action = DecideCopy(ReadCopyPath(row.source), row.source_kind, ReadCopyPath(row.destination),
                                     row.destination_kind);
      char result = '-';
      if (action.ok()) result = *action == CopyAction::kAs ? 'a' : *action == CopyAction::kInto ? 'i' : 'c';
      CHECK(result == row.result);
      if (!action.ok()) CHECK(ExitCodeOf(action.status()) == 125);
    }
  }
}

}  // namespace coracle::engine
