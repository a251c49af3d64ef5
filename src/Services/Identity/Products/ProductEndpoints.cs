namespace EnvPlatform.Identity.Products;

internal static class ProductEndpoints
{
    public static void MapProducts(this IEndpointRouteBuilder app)
    {
        var products = app.MapGroup("/api/v1/orgs/{org}/products").WithTags("Products");
        products.MapListProducts();
        products.MapSetProducts();
        products.MapListSeats();
        products.MapAssignSeat();
        products.MapRevokeSeat();
        products.MapChangeSeats();
    }
}
