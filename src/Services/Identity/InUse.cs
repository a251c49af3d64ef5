using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity;

/// <summary>Something that uses what is to be deleted.</summary>
/// <param name="Type">group or channel.</param>
internal sealed record InUse(string Type, Guid Id, string Name)
{
    private const int Shown = 20;

    /// <summary>The answer to the deletion of what is in use: how much uses it, and the first of that.</summary>
    public static ProblemHttpResult Refuse(string what, IReadOnlyList<InUse> users) => Problems.Conflict(
        "in_use", what + " Take that away first, or delete with cascade=true.", ("count", users.Count),
        ("used_by", users.Take(Shown).Select(user => new { type = user.Type, id = user.Id, name = user.Name }).ToArray()));
}
