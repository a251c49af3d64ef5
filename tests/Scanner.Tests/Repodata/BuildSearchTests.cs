using EnvPlatform.Conda;
using EnvPlatform.Scanner.Repodata;

namespace EnvPlatform.Scanner.Tests.Repodata;

/// <summary>Whether packages go together, by what their builds need and constrain.</summary>
public sealed class BuildSearchTests
{
    [Test]
    public void What_is_preferred_is_chosen_where_nothing_speaks_against_it()
    {
        var solved = (SearchResult.Solved)Search(["heron"], Build("heron", "1", "kite"), Build("heron", "2"), Build("kite", "3"));
        Assert.That(Text(solved), Is.EqualTo("heron 1, kite 3"));
    }

    [TestCase("__win", "linux-64", "b 2")]
    [TestCase("__unix", "linux-64", "b 1")]
    [TestCase("__unix", "win-64", "b 2")]
    [TestCase("__osx", "osx-arm64", "b 1")]
    [TestCase("__linux", "osx-arm64", "b 2")]
    [TestCase("__glibc >=99", "linux-64", "b 1")]
    public void A_build_for_another_platform_is_not_chosen(string needs, string platform, string chosen)
    {
        var solved = (SearchResult.Solved)Search(["b"], platform, Build("b", "1", needs), Build("b", "2"));
        Assert.That(Text(solved), Is.EqualTo(chosen));
    }

    [Test]
    public void A_constraint_counts_only_for_what_is_there()
    {
        var rules = new ChannelBuild("heron", "1", "0", 0, [], ["kite <2"]);
        Assert.That(Text((SearchResult.Solved)Search(["heron"], rules, Build("kite", "3"))), Is.EqualTo("heron 1"));
        var blocked = (SearchResult.Blocked)Search(["heron", "kite"], rules, Build("kite", "3"));
        Assert.That(blocked.Why, Is.EqualTo("heron 1 goes only with kite <2, which kite 3 is not"));
    }

    [Test]
    public void What_no_channel_has_is_named()
    {
        var blocked = (SearchResult.Blocked)Search(["heron"], Build("heron", "1", "dodo >=1"));
        Assert.That(blocked.Why, Is.EqualTo("heron 1 needs dodo >=1, and test has no dodo"));
    }

    [Test]
    public void A_specification_that_is_not_understood_is_taken_for_possible_and_said()
    {
        var solved = (SearchResult.Solved)Search(["heron"], Build("heron", "1", "kite (>=1)|^x$"), Build("kite", "1"));
        Assert.That(solved.Assumed, Is.EqualTo(new[] { "heron 1 needs kite (>=1)|^x$" }));
    }

    [Test]
    public void What_has_nothing_to_do_with_a_conflict_is_not_tried_again()
    {
        // Two hundred names of ten builds each between the two that contradict each other.
        var between = Enumerable.Range(0, 200).SelectMany(i => Enumerable.Range(0, 10).Select(j => Build($"m{i:000}", $"{j}"))).ToArray();
        var names = between.Select(build => build.Name).Distinct().ToArray();
        var budget = new SearchBudget();
        var result = Search(
            ["a", .. names, "z"], "linux-64", budget, [Build("a", "1"), .. between, Build("z", "1", "a 2"), Build("z", "2", "a 3")]);
        Assert.That(((SearchResult.Blocked)result).Why, Is.EqualTo(
            "z 1 needs a 2, which a 1 is not, and the other build in test does not help"));
        Assert.That(budget.Left, Is.GreaterThan(new SearchBudget().Left - 1_000));
    }

    [Test]
    public void A_search_that_takes_too_long_decides_nothing() => Assert.That(
        Search(
            ["a"], "linux-64", new SearchBudget { Left = 2 },
            [Build("a", "1", "b 9"), Build("a", "2"), Build("b", "1"), Build("b", "2")]),
        Is.TypeOf<SearchResult.Undecided>());

    [Test]
    public void It_finds_an_environment_exactly_where_there_is_one()
    {
        string[] names = ["a", "b", "c", "d", "e"];
        var (solved, blocked) = (0, 0);
        for (var seed = 0; seed < 4_000; seed++)
        {
            var random = new Random(seed);
            string[] Specs(int most, string of) =>
            [
                .. Enumerable.Range(0, random.Next(most + 1)).Select(_ => names[random.Next(names.Length)]).Where(name => name != of)
                    .Select(name => $"{name} {(random.Next(3) switch { 0 => ">=", 1 => "<", _ => "" })}{random.Next(1, 4)}"),
            ];
            ChannelBuild[] all = [.. names.SelectMany(name => Enumerable.Range(1, random.Next(1, 4)).Select(version =>
                new ChannelBuild(name, $"{version}", "0", 0, Specs(3, name), Specs(1, name))))];
            string[] required = [.. names.Where(_ => random.Next(2) == 0)];
            var result = Search(required, all);
            var exists = Exists(names, required, all);
            Assert.That(result is SearchResult.Solved, Is.EqualTo(exists), $"seed {seed}: {result}");
            if (result is SearchResult.Solved found)
            {
                solved++;
                Assert.That(IsOne(found.Builds, required), Is.True, $"seed {seed}");
            }
            else
            {
                blocked++;
            }
        }

        Assert.That((solved > 500, blocked > 500), Is.EqualTo((true, true)), $"{solved}, {blocked}");
    }

    private static bool Exists(string[] names, string[] required, ChannelBuild[] all)
    {
        bool From(int i, Dictionary<string, ChannelBuild> chosen)
        {
            if (i == names.Length)
            {
                return IsOne(chosen, required);
            }

            foreach (var build in all.Where(build => build.Name == names[i]))
            {
                chosen[names[i]] = build;
                if (From(i + 1, chosen))
                {
                    return true;
                }
            }

            chosen.Remove(names[i]);
            return From(i + 1, chosen);
        }

        return From(0, []);
    }

    private static bool IsOne(IReadOnlyDictionary<string, ChannelBuild> chosen, string[] required) =>
        required.All(chosen.ContainsKey) && chosen.Values.All(build =>
            build.Depends.Select(MatchSpec.Parse).All(spec => chosen.TryGetValue(spec!.Name, out var other) && Fits(spec, other))
            && build.Constrains.Select(MatchSpec.Parse).All(spec => !chosen.TryGetValue(spec!.Name, out var other) || Fits(spec, other)));

    private static bool Fits(MatchSpec spec, ChannelBuild build) => spec.Fits(build.Version, build.Build);

    private static ChannelBuild Build(string name, string version, params string[] depends) => new(name, version, "0", 0, depends, []);

    private static SearchResult Search(string[] required, params ChannelBuild[] builds) => Search(required, "linux-64", builds);

    private static SearchResult Search(string[] required, string platform, params ChannelBuild[] builds) =>
        Search(required, platform, new SearchBudget(), builds);

    private static SearchResult Search(string[] required, string platform, SearchBudget budget, ChannelBuild[] builds) =>
        new BuildSearch(
            name => new Candidates([.. builds.Where(build => build.Name == name)], false, "test"), MatchSpec.Parse, required, 0, platform,
            budget).Run(CancellationToken.None);

    private static string Text(SearchResult.Solved solved) =>
        string.Join(", ", solved.Builds.Values.Select(build => $"{build.Name} {build.Version}").Order(StringComparer.Ordinal));
}
