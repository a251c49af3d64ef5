using System.Diagnostics.CodeAnalysis;

namespace EnvPlatform.Contracts.Ids;

/// <summary>
/// An id that cannot be mistaken for the id of something else. The value is a UUIDv7 (RFC 9562), so ids sort by time of creation.
/// </summary>
/// <remarks>Each id type carries its own TryParse: as a default of this interface it would not be found by route binding.</remarks>
public interface ITypedId<TSelf> where TSelf : struct, ITypedId<TSelf>
{
    Guid Value { get; }

    [SuppressMessage(
        "Design", "CA1000:Do not declare static members on generic types", Justification = "A factory that the id types implement.")]
    static abstract TSelf From(Guid value);
}
