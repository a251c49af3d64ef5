using System.Data;

using Dapper;

using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Postgres;

/// <summary>Dapper's process-wide settings: snake_case columns, typed ids as uuid, times as timestamptz in UTC.</summary>
public static class DapperSetup
{
    private static int _applied;

    public static void Apply()
    {
        if (Interlocked.Exchange(ref _applied, 1) == 1)
        {
            return;
        }

        DefaultTypeMap.MatchNamesWithUnderscores = true;
        SqlMapper.RemoveTypeMap(typeof(DateTimeOffset));
        SqlMapper.RemoveTypeMap(typeof(DateTimeOffset?));
        SqlMapper.AddTypeHandler(typeof(DateTimeOffset), new OrNull(new DateTimeOffsetHandler()));
        SqlMapper.AddTypeHandler(new ArrayHandler<int>());
        SqlMapper.AddTypeHandler(new ArrayHandler<long>());
        SqlMapper.AddTypeHandler(new ArrayHandler<Guid>());
        SqlMapper.AddTypeHandler(new ArrayHandler<string>());
        SqlMapper.AddTypeHandler(new CountColumns.Handler());
        foreach (var type in typeof(OrganizationId).Assembly.GetExportedTypes().Where(IsTypedId))
        {
            var handler = Activator.CreateInstance(typeof(TypedIdHandler<>).MakeGenericType(type))!;
            SqlMapper.AddTypeHandler(type, new OrNull((SqlMapper.ITypeHandler)handler));
        }
    }

    private static bool IsTypedId(Type type) =>
        type.IsValueType && type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(ITypedId<>));

    /// <summary>
    /// Dapper asks a handler for what a query answers as a whole also where that is null: the least of nothing, a value that is not there.
    /// </summary>
    private sealed class OrNull(SqlMapper.ITypeHandler handler) : SqlMapper.ITypeHandler
    {
        public void SetValue(IDbDataParameter parameter, object value) => handler.SetValue(parameter, value);

        public object? Parse(Type destinationType, object value) => value is DBNull ? null : handler.Parse(destinationType, value);
    }

    private sealed class DateTimeOffsetHandler : SqlMapper.TypeHandler<DateTimeOffset>
    {
        public override void SetValue(IDbDataParameter parameter, DateTimeOffset value) => parameter.Value = value.ToUniversalTime();

        public override DateTimeOffset Parse(object value) => value switch
        {
            DateTimeOffset offset => offset,
            DateTime time => new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc)),
            _ => throw new DataException($"A {value.GetType().Name} is not a time."),
        };
    }

    /// <summary>
    /// Npgsql reports array columns as System.Array; without a handler Dapper finds no constructor that takes the element type's array.
    /// </summary>
    private sealed class ArrayHandler<T> : SqlMapper.TypeHandler<T[]>
    {
        public override void SetValue(IDbDataParameter parameter, T[]? value) => parameter.Value = value ?? (object)DBNull.Value;

        public override T[] Parse(object value) => (T[])value;
    }

    private sealed class TypedIdHandler<T> : SqlMapper.TypeHandler<T> where T : struct, ITypedId<T>
    {
        public override void SetValue(IDbDataParameter parameter, T value) => parameter.Value = value.Value;

        public override T Parse(object value) => T.From((Guid)value);
    }
}
