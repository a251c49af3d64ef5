using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.ServiceDefaults.Refusals;

/// <summary>
/// Refusals on their way to the audit log, counted by caller, organization, action and operation. Adding one takes no time, waits for
/// nothing and cannot fail. At most <see cref="MaxKinds"/> are told apart until they are taken, several times a second: beyond that they
/// are counted together by action, as the platform's own.
/// </summary>
public sealed class RefusalLog(ServiceName service)
{
    public const int MaxKinds = 500;

    /// <summary>The operation of refusals that are no longer told apart.</summary>
    public const string Others = "others";

    private readonly Lock _gate = new();
    private Dictionary<Key, RefusalCount> _counts = [];

    public void Add(Refusal refusal) => Add(new RefusalCount(refusal, refusal, 1));

    public void Add(RefusalCount counted)
    {
        ArgumentNullException.ThrowIfNull(counted);
        lock (_gate)
        {
            Count(counted);
        }
    }

    /// <summary>What was added since the last time.</summary>
    public IReadOnlyCollection<RefusalCount> Take()
    {
        lock (_gate)
        {
            if (_counts.Count == 0)
            {
                return [];
            }

            var taken = _counts.Values;
            _counts = [];
            return taken;
        }
    }

    /// <summary>Gives back what was taken and could not be passed on.</summary>
    public void Return(IReadOnlyCollection<RefusalCount> taken)
    {
        ArgumentNullException.ThrowIfNull(taken);
        lock (_gate)
        {
            var since = _counts.Values;
            _counts = [];
            foreach (var counted in taken.Concat(since))
            {
                Count(counted);
            }
        }
    }

    private void Count(RefusalCount counted)
    {
        var key = Key.Of(counted.First);
        if (!_counts.TryGetValue(key, out var known) && _counts.Count >= MaxKinds)
        {
            counted = new(Anonymous(counted.First), Anonymous(counted.Last), counted.Count);
            key = Key.Of(counted.First);
            known = _counts.GetValueOrDefault(key);
        }

        _counts[key] = known is null ? counted : new(known.First, counted.Last, known.Count + counted.Count);
    }

    private Refusal Anonymous(Refusal refusal) => refusal with
    {
        Caller = Caller.OfSystem(service.Value, null),
        Operation = Others,
        Method = "",
        Path = "",
        Detail = null,
    };

    private readonly record struct Key(OrganizationId? Organization, SubjectId Subject, string Action, string Operation)
    {
        public static Key Of(Refusal refusal) =>
            new(refusal.Caller.Organization?.Id, refusal.Caller.SubjectId, refusal.Action, refusal.Operation);
    }
}
