using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Identity;

/// <summary>One action on many people and programs at once; each is looked at by itself, and the answer says what became of it.</summary>
internal static class Bulk
{
    public const int MaxItems = 1_000;

    /// <param name="Status">The HTTP status that the action would have for this item alone.</param>
    /// <param name="Code">The code of the problem; null where there is none.</param>
    public sealed record Result(SubjectId Id, int Status, string? Code);

    /// <param name="Results">One for each id, in the order in which they were given; an id that was given twice is there twice.</param>
    public sealed record Response(IReadOnlyList<Result> Results);

    public static Result Done(SubjectId id) => new(id, StatusCodes.Status200OK, null);

    public static Result NotFound(SubjectId id) => new(id, StatusCodes.Status404NotFound, "not_found");
}

/// <summary>1 to 1,000 ids.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
internal sealed class BulkIdsAttribute() : ValidationAttribute($"Must be 1 to {Bulk.MaxItems} ids.")
{
    public override bool IsValid(object? value) => value is IReadOnlyCollection<SubjectId> { Count: >= 1 and <= Bulk.MaxItems };
}
