using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

using EnvPlatform.Conda;

namespace EnvPlatform.Scanner.Repodata;

/// <summary>The builds that a name may have in the environment, the preferred one first.</summary>
/// <param name="IsOpen">
/// What its channel holds is not known: there is only the installed build, without what it needs, and whatever is asked of it is taken for
/// possible.
/// </param>
/// <param name="Where">Of which the builds are all, for people: conda-forge, or python 3.8 in conda-forge.</param>
/// <param name="Others">
/// Further builds, which are looked at only when none of the first goes with the rest; null where they have to be loaded.
/// </param>
internal sealed record Candidates(
    IReadOnlyList<ChannelBuild> Builds, bool IsOpen, string Where, Func<IReadOnlyList<ChannelBuild>?>? Others = null);

/// <summary>How many builds the searches for one answer may look at, all together; a second or two of work.</summary>
internal sealed class SearchBudget
{
    /// <summary>For a single search.</summary>
    public const int OfOne = 100_000;

    public int Left { get; set; } = 300_000;
}

/// <summary>The end of a search.</summary>
internal abstract record SearchResult
{
    /// <param name="Builds">By name.</param>
    /// <param name="Assumed">What had to be taken for possible, because it cannot be known or is not understood.</param>
    internal sealed record Solved(IReadOnlyDictionary<string, ChannelBuild> Builds, IReadOnlyList<string> Assumed) : SearchResult;

    /// <param name="Why">The constraint that stands in the way.</param>
    internal sealed record Blocked(string Why) : SearchResult;

    /// <summary>It was given up.</summary>
    internal sealed record Undecided : SearchResult;

    /// <summary>It needs the builds of further names.</summary>
    internal sealed record Missing(IReadOnlyList<string> Names) : SearchResult;
}

/// <summary>
/// Whether an environment can hold its packages and upgrades of some of them, by what the builds of the channels need and constrain:
/// backtracking that returns to the last choice that has to do with a conflict (Prosser 1993, "Hybrid algorithms for the constraint
/// satisfaction problem"), and prefers what is installed. It decides whether there is a solution, not which one conda takes.
/// </summary>
/// <param name="candidates">Of a name; null where they have to be loaded.</param>
/// <param name="required">What must be in the environment, in the order in which it is decided.</param>
/// <param name="first">How many of them are decided before what they need.</param>
/// <param name="platform">As conda names it.</param>
/// <param name="budget">After it the search is given up.</param>
internal sealed class BuildSearch(
    Func<string, Candidates?> candidates, Func<string, MatchSpec?> specs, IReadOnlyList<string> required, int first, string platform,
    SearchBudget budget)
{
    private readonly HashSet<string> _roots = required.ToHashSet(StringComparer.Ordinal);
    private readonly Dictionary<string, ChannelBuild> _chosen = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Candidates> _candidates = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<ChannelBuild>> _others = new(StringComparer.Ordinal);

    // What chosen builds need or constrain, by the name that they speak of.
    private readonly Dictionary<string, List<Demand>> _demands = new(StringComparer.Ordinal);
    private readonly List<string> _needed = [];
    private readonly SortedSet<string> _assumed = new(StringComparer.Ordinal);
    private CancellationToken _ct;
    private int _steps;

    public SearchResult Run(CancellationToken ct)
    {
        _ct = ct;
        _steps = SearchBudget.OfOne;
        try
        {
            return Decide() is { } failure ? new SearchResult.Blocked(failure.Why) : Solved();
        }
        catch (EndedException ended)
        {
            return ended.Result;
        }
    }

    private SearchResult.Solved Solved()
    {
        // Only of what was chosen in the end.
        _assumed.Clear();
        foreach (var build in _chosen.Values)
        {
            _ = Refuse(build, CandidatesOf(build.Name).IsOpen);
        }

        return new(_chosen, [.. _assumed]);
    }

    /// <returns>Null when everything is chosen.</returns>
    private Failure? Decide()
    {
        if (Next() is not { } name)
        {
            return null;
        }

        var from = CandidatesOf(name);
        var conflict = new HashSet<string>(StringComparer.Ordinal);
        string? why = null;
        var isOwn = false;
        var tried = 0;
        foreach (var build in All(name, from))
        {
            tried++;
            _ct.ThrowIfCancellationRequested();
            if (--_steps < 0 || --budget.Left < 0 || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            {
                throw new EndedException(new SearchResult.Undecided());
            }

            if (Refuse(build, from.IsOpen) is { } refusal)
            {
                conflict.Add(refusal.By);
                isOwn |= why is null;
                why ??= refusal.Why;
                continue;
            }

            Choose(build);
            if (Decide() is not { } failure)
            {
                return null;
            }

            TakeBack(build);
            if (!failure.Conflict.Contains(name))
            {
                return failure;
            }

            conflict.UnionWith(failure.Conflict);
            why ??= failure.Why;
        }

        var needs = _demands.GetValueOrDefault(name, []);
        if (!_roots.Contains(name))
        {
            conflict.UnionWith(needs.Where(demand => demand.IsNeed).Select(demand => demand.By.Name));
        }

        conflict.Remove(name);
        why += isOwn && tried > 1 ? Others(tried - 1, from.Where) : "";
        why = why.Length > 0 ? why : needs.FirstOrDefault(demand => demand.IsNeed) is { By: { } by, Spec: { } spec }
            ? $"{Text(by)} needs {spec.Text}, and {from.Where} has no {name}"
            : $"{from.Where} has no {name} that could be chosen";
        return new(conflict, why);
    }

    private static string Others(int count, string where) => count == 1
        ? $", and the other build in {where} does not help"
        : $", and none of the other {count} builds in {where} helps";

    private IEnumerable<ChannelBuild> All(string name, Candidates from)
    {
        foreach (var build in from.Builds)
        {
            yield return build;
        }

        if (from.Others is null)
        {
            yield break;
        }

        if (!_others.TryGetValue(name, out var others))
        {
            _others[name] = others = from.Others() ?? throw new EndedException(new SearchResult.Missing(MissingBeside(name)));
        }

        foreach (var build in others)
        {
            yield return build;
        }
    }

    private string? Next()
    {
        for (var i = 0; i < first; i++)
        {
            if (!_chosen.ContainsKey(required[i]))
            {
                return required[i];
            }
        }

        foreach (var name in _needed)
        {
            if (!_chosen.ContainsKey(name))
            {
                return name;
            }
        }

        return required.Skip(first).FirstOrDefault(name => !_chosen.ContainsKey(name));
    }

    private Candidates CandidatesOf(string name)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_candidates, name, out _);
        return known ??= candidates(name) ?? throw new EndedException(new SearchResult.Missing(MissingBeside(name)));
    }

    // What is asked for together is loaded together.
    private List<string> MissingBeside(string name) =>
        [name, .. _needed.Where(other => other != name && candidates(other) is null).Distinct(StringComparer.Ordinal)];

    /// <summary>Why a build does not go with what is chosen, and by whom; null when it does.</summary>
    private (string By, string Why)? Refuse(ChannelBuild build, bool isOpen)
    {
        foreach (var demand in _demands.GetValueOrDefault(build.Name, []))
        {
            if (demand.Spec.Fits(build.Version, build.Build))
            {
                continue;
            }

            if (isOpen)
            {
                _assumed.Add($"{Text(demand.By)} {demand.Verb} {demand.Spec.Text}");
                continue;
            }

            return (demand.By.Name, $"{Text(demand.By)} {demand.Verb} {demand.Spec.Text}, which {Text(build)} is not");
        }

        return Refuse(build, build.Depends, "needs") ?? Refuse(build, build.Constrains, "goes only with");
    }

    private (string By, string Why)? Refuse(ChannelBuild build, string[] asked, string verb)
    {
        foreach (var text in asked)
        {
            if (specs(text) is not { } spec)
            {
                _assumed.Add($"{Text(build)} {verb} {text}");
                continue;
            }

            if (IsVirtual(spec.Name))
            {
                if (verb == "needs" && IsOfAnotherPlatform(spec.Name))
                {
                    return (build.Name, $"{Text(build)} needs {spec.Text}, and the environment is of {platform}");
                }

                continue;
            }

            if (spec.Name != build.Name && _chosen.TryGetValue(spec.Name, out var other) && !spec.Fits(other.Version, other.Build))
            {
                if (!CandidatesOf(spec.Name).IsOpen)
                {
                    return (other.Name, $"{Text(build)} {verb} {spec.Text}, which {Text(other)} is not");
                }

                _assumed.Add($"{Text(build)} {verb} {spec.Text}");
            }
        }

        return null;
    }

    private void Choose(ChannelBuild build)
    {
        _chosen.Add(build.Name, build);
        Add(build, build.Depends, isNeed: true);
        Add(build, build.Constrains, isNeed: false);
    }

    private void Add(ChannelBuild by, string[] asked, bool isNeed)
    {
        foreach (var text in asked)
        {
            if (specs(text) is not { } spec || IsVirtual(spec.Name) || spec.Name == by.Name)
            {
                continue;
            }

            ref var demands = ref CollectionsMarshal.GetValueRefOrAddDefault(_demands, spec.Name, out _);
            (demands ??= []).Add(new(by, spec, isNeed));
            if (isNeed)
            {
                _needed.Add(spec.Name);
            }
        }
    }

    private void TakeBack(ChannelBuild build)
    {
        _chosen.Remove(build.Name);
        foreach (var text in build.Constrains.Reverse().Concat(build.Depends.Reverse()))
        {
            if (specs(text) is { } spec && !IsVirtual(spec.Name) && spec.Name != build.Name)
            {
                _demands[spec.Name].RemoveAll(demand => ReferenceEquals(demand.By, build));
            }
        }

        _needed.RemoveRange(_needed.Count - Needs(build), Needs(build));
    }

    private int Needs(ChannelBuild build) =>
        build.Depends.Count(text => specs(text) is { } spec && !IsVirtual(spec.Name) && spec.Name != build.Name);

    private static bool IsVirtual(string name) => name.StartsWith("__", StringComparison.Ordinal);

    private bool IsOfAnotherPlatform(string name) => name switch
    {
        "__win" => !platform.StartsWith("win-", StringComparison.Ordinal),
        "__unix" => platform.StartsWith("win-", StringComparison.Ordinal),
        "__linux" => !platform.StartsWith("linux-", StringComparison.Ordinal),
        "__osx" => !platform.StartsWith("osx-", StringComparison.Ordinal),
        _ => false,
    };

    private static string Text(ChannelBuild build) => $"{build.Name} {build.Version}";

    /// <param name="IsNeed">It must be there; otherwise it must fit if it is.</param>
    private sealed record Demand(ChannelBuild By, MatchSpec Spec, bool IsNeed)
    {
        public string Verb => IsNeed ? "needs" : "goes only with";
    }

    /// <param name="Conflict">The names whose choice has to do with it.</param>
    private sealed record Failure(HashSet<string> Conflict, string Why);

    private sealed class EndedException(SearchResult result) : Exception
    {
        public SearchResult Result => result;
    }
}
