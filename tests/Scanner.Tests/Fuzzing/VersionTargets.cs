using EnvPlatform.Conda;
using EnvPlatform.Scanner.Matching.Versions;

using static EnvPlatform.Scanner.Fuzzing.BrokenPropertyException;

namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>The schemes of versions: three texts at once, so that their order can be checked.</summary>
internal static class VersionTargets
{
    // A noncharacter, between the three.
    private const char Separator = '\ufffe';

    // Few pieces, so that many versions are equal or differ in one place only.
    private static readonly string[] Pieces =
    [
        "0", "0", "1", "1", "01", "2", "10", "1048575", "1048576", "99999999999999999999", ".", ".", ".", "-", "_", "+", "1!", "a", "b",
        "c", "rc", "alpha", "beta", "pre", "dev", "post", "r",
        "z", "za", "*", "v", " ", "A", "RC", "x",
    ];

    private static readonly string[] Starts = ["", "1", "1.0", "1.0.0", "1.1.1", "0.0.1", "1.2.3-", "1.0.0-", "1.0.0-pre", "1.1.1z"];

    public static FuzzTarget Of(string name, FuzzCorpus corpus) => name switch
    {
        "pep440" => Of<Pep440Version>(name, corpus),
        "conda" => Of<CondaVersion>(name, corpus),
        "semver" => Of<SemVersion>(name, corpus),
        "cran" => Of<CranVersion>(name, corpus),
        "openssl" => Of<OpenSslVersion>(name, corpus),
        _ => Of<GenericVersion>(name, corpus),
    };

    private static FuzzTarget Of<T>(string name, FuzzCorpus corpus)
        where T : struct, IVersion<T> =>
        new(name, random => Next(random, corpus.Versions), Check<T>, [.. Shapes()]);

    private static string Next(Random random, List<string> versions)
    {
        var a = One(random, versions);
        var b = random.Next(3) == 0 ? One(random, versions) : HostileText.Mutate(random, a, versions, ofBytes: false);
        var c = random.Next(3) == 0
            ? One(random, versions)
            : HostileText.Mutate(random, random.Next(2) == 0 ? a : b, versions, ofBytes: false);
        return $"{a}{Separator}{b}{Separator}{c}";
    }

    private static string One(Random random, List<string> versions) => random.Next(20) switch
    {
        0 => HostileText.Noise(random, ofBytes: false),
        < 5 => versions[random.Next(versions.Count)],
        < 13 => Starts[random.Next(Starts.Length)] + HostileText.Of(random, Pieces, 6),
        _ => HostileText.Mutate(random, versions[random.Next(versions.Count)], versions, ofBytes: false),
    };

    private static bool Check<T>(string input)
        where T : struct, IVersion<T>
    {
        var texts = input.Split(Separator);
        var versions = new T[Math.Min(texts.Length, 3)];
        var count = 0;
        foreach (var text in texts.AsSpan(0, versions.Length))
        {
            if (!T.TryParse(text, out var version))
            {
                continue;
            }

            Require(version.Text == text, "The text is as it was given.");
            Require(T.TryParse(version.Text, out var again) && again.Equals(version), "Read again it is the same version.");
            Require(version.CompareTo(version) == 0, "A version is equal to itself.");
            versions[count++] = version;
        }

        var valid = versions.AsSpan(0, count);
        foreach (var a in valid)
        {
            foreach (var b in valid)
            {
                var order = Math.Sign(a.CompareTo(b));
                Require(order == -Math.Sign(b.CompareTo(a)), "The order is the same from both sides.");
                Require(a.Equals(b) == (order == 0), "What has no order is equal.");
                Require(order != 0 || a.GetHashCode() == b.GetHashCode(), "Equal versions have equal hashes.");
                foreach (var c in valid)
                {
                    Require(order > 0 || b.CompareTo(c) > 0 || a.CompareTo(c) <= 0, "The order is transitive.");
                    Require(order != 0 || Math.Sign(a.CompareTo(c)) == Math.Sign(b.CompareTo(c)), "What is equal has the same neighbours.");
                }
            }
        }

        return count > 0;
    }

    private static IEnumerable<HostileShape> Shapes()
    {
        foreach (var piece in (string[])["1", "0", "1.", "0.", "1a", "a", "z", ".", "-", "_", "+", "!", "1!", "1_", "1-", ".dev1", "post",
            "*", "1+a.", "rc1", " ", "\ud83d\ude00"])
        {
            // The repeated piece, and the same with a suffix that decides late.
            yield return new HostileShape($"'{piece}' repeated", n =>
            {
                var run = "1." + FuzzTargets.Repeat(piece, n);
                return $"{run}1{Separator}{run}2{Separator}1.0.0-{FuzzTargets.Repeat(piece, n)}";
            });
        }
    }
}
