using System.Buffers;
using System.Text;

using EnvPlatform.Conda;
using EnvPlatform.Scanner.Repodata;

using static EnvPlatform.Scanner.Fuzzing.BrokenPropertyException;

namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>
/// What channels hold: read entry by entry, entries that cannot be read named, or refused whole; and the specifications in it, understood
/// or not. What is read can be stored and is read again as it was.
/// </summary>
internal static class RepodataTargets
{
    private static readonly string[] Specs =
    [
        "numpy >=1.19.5,<2.0a0", "python_abi 3.9.* *_cp39", "a=1.2=b", "conda-forge::x[version='>=1,<2', build=h*]", "y 1|2.*,!=2.1",
        "z ~=1.4.2", "w 1.2 h_0", "v >= 1 , <2", "u !=1.*",
    ];

    public static FuzzTarget File(FuzzCorpus corpus) => new(
        "repodata", random => RecordTargets.NextJson(random, corpus.Repodata), Check,
        [
            new("packages", n => "{\"packages\":{" + FuzzTargets.List(
                n, i => $"\"a{i}\":{{\"name\":\"a{i}\",\"version\":\"1\",\"build\":\"0\"}}") + "}}"),
            new("what one needs", n => "{\"packages\":{\"a\":{\"name\":\"a\",\"version\":\"1\",\"build\":\"0\",\"depends\":["
                + FuzzTargets.List(n, i => $"\"b{i}\"") + "]}}}"),
            new("broken entries", n => "{\"packages\":{" + FuzzTargets.List(n, i => $"\"a{i}\":{i}") + "}}"),
            new("removed", n => "{\"removed\":[" + FuzzTargets.List(n, i => $"\"a{i}\"") + "],\"packages\":{}}"),
            new("depth", n => "{\"x\":" + FuzzTargets.Repeat("[", n)),
            new("members", n => "{" + FuzzTargets.List(n, i => $"\"a{i}\":[{i}]") + "}"),
        ]);

    public static FuzzTarget Spec() => new(
        "match_spec",
        random => random.Next(20) == 0
            ? HostileText.Noise(random, ofBytes: false)
            : HostileText.Mutate(random, Specs[random.Next(Specs.Length)], Specs, ofBytes: false),
        input =>
        {
            if (MatchSpec.Parse(input) is not { } spec)
            {
                return false;
            }

            Require(spec.Name.Length > 0 && spec.Name.All(char.IsAscii), "It has a plain name.");
            _ = spec.Fits("1.2.3", "h_0") | spec.Fits("2.0rc1", null) | spec.Fits("1!0.1_dev+3.a", "py39_0") | spec.Fits("no version", "");
            Require(MatchSpec.Parse(spec.Text)!.Fits("1.2", "b") == spec.Fits("1.2", "b"), "It is read the same again.");
            return true;
        },
        [
            new("conditions", n => "a " + FuzzTargets.List(n, i => $">={i}")),
            new("alternatives", n => "a " + string.Join('|', Enumerable.Range(0, n))),
            new("asterisks", n => "a 1 " + FuzzTargets.Repeat("*b", n)),
            new("components", n => "a " + FuzzTargets.Repeat("1.", n) + "*"),
            new("words", n => "a" + FuzzTargets.Repeat(" b", n)),
            new("brackets", n => "a[" + FuzzTargets.List(n, _ => "version='1'") + "]"),
        ]);

    private static bool Check(string input)
    {
        using var file = new MemoryStream(Encoding.Latin1.GetBytes(input));
        using var reader = RepodataReader.Open(file, 1 << 24);
        var read = 0;
        var buffer = new ArrayBufferWriter<byte>();
        try
        {
            // The stream is in memory, so that every step is done when it returns.
            while (reader.NextAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult() is { } entry)
            {
                if (entry.Build is not { } build)
                {
                    Require(entry.Problem is { Length: > 0 }, "What cannot be read has a reason.");
                    continue;
                }

                var line = build.ToLine(buffer);
                Require(!line.Contains('\n', StringComparison.Ordinal) && FuzzTargets.IsStorable(line), "It can be stored as a line.");
                var again = ChannelBuild.Read(build.Name, line, []);
                Require((again.Version, again.Build, again.BuildNumber) == (build.Version, build.Build, build.BuildNumber)
                    && again.Depends.SequenceEqual(build.Depends) && again.Constrains.SequenceEqual(build.Constrains),
                    "It is read as it was written.");
                Require(line.StartsWith(ChannelBuild.PrefixOf(build.Version, build.Build), StringComparison.Ordinal), "It can be found.");
                read++;
            }
        }
        catch (InvalidDataException)
        {
            return false;
        }

        return read > 0;
    }
}
